//! The real command line with really loaded plugins, end to end.

mod bad_input;
mod bench;
mod coils;
mod comparison;
mod demo;
mod diffusion;
mod export;
#[cfg(unix)]
mod isolation;
#[cfg(unix)]
mod limits;
mod loaded_parts;
mod memory;
mod network;
#[cfg(unix)]
mod nothing_lost;
mod parity;
mod peer_files;
mod plugin_faults;
mod plugin_lock;
mod plugin_projects;
mod plugins;
mod real_data;
mod reconstruction;
mod recovery;
mod regression;
mod training;
#[cfg(target_os = "linux")]
mod tutorial;
mod uncertainty;
mod values;
mod volumes;
