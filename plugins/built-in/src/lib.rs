//! All plugins that come with Diph, linked into the program.
//!
//! They go through the same interface as shared libraries do. A library that offers the same ID wins over them, so that
//! every part can be replaced at run time.

use diph_plugin_host::{LoadError, Registry};

/// Adds every plugin that comes with Diph to a registry.
///
/// # Errors
/// [`LoadError`] when one of them breaks the rules of the interface, which is a bug of this program.
pub fn register(registry: &mut Registry) -> Result<(), LoadError> {
    for plugin in [
        &diph_plugin_bloch_dictionary::PLUGIN,
        &diph_plugin_cartesian::PLUGIN,
        &diph_plugin_diffusion_prior::PLUGIN,
        &diph_plugin_gaussian_prior::PLUGIN,
        &diph_plugin_mrf_nufft::PLUGIN,
        &diph_plugin_regression_estimator::PLUGIN,
        &diph_plugin_sparse_prior::PLUGIN,
    ] {
        registry.register_static(plugin)?;
    }
    Ok(())
}
