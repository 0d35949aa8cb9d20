//! The plugin `diph-plugin-gaussian-prior` as a shared library, to be opened at run time.

diph_plugin_sdk::export_plugin!(static diph_plugin_gaussian_prior::PLUGIN);
