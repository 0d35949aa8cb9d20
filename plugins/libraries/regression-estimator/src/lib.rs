//! The plugin `diph-plugin-regression-estimator` as a shared library, to be opened at run time.

diph_plugin_sdk::export_plugin!(static diph_plugin_regression_estimator::PLUGIN);
