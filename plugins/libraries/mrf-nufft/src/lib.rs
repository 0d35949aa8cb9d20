//! The plugin `diph-plugin-mrf-nufft` as a shared library, to be opened at run time.

diph_plugin_sdk::export_plugin!(static diph_plugin_mrf_nufft::PLUGIN);
