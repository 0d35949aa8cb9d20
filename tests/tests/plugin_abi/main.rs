//! The plugin interface from both sides: plugins in C and made with the SDK, faulty ones, and the built-in ones.

mod built_in;
mod c_plugin;
mod compatibility;
mod faulty_plugins;
mod fixtures;
mod sdk_plugin;
mod volumes;
