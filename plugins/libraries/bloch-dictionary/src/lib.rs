//! The plugin `diph-plugin-bloch-dictionary` as a shared library, to be opened at run time.

diph_plugin_sdk::export_plugin!(static diph_plugin_bloch_dictionary::PLUGIN);
