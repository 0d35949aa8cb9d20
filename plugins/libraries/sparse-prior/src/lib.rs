//! The plugin `diph-plugin-sparse-prior` as a shared library, to be opened at run time.

diph_plugin_sdk::export_plugin!(static diph_plugin_sparse_prior::PLUGIN);
