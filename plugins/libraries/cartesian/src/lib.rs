//! The plugin `diph-plugin-cartesian` as a shared library, to be opened at run time.

diph_plugin_sdk::export_plugin!(static diph_plugin_cartesian::PLUGIN);
