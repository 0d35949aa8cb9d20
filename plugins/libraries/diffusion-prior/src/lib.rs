//! The plugin `diph-plugin-diffusion-prior` as a shared library, to be opened at run time.

diph_plugin_sdk::export_plugin!(static diph_plugin_diffusion_prior::PLUGIN);
