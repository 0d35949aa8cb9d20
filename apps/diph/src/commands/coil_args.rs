//! The flags that say how coils are combined.

use clap::Args;
use diph_coils::Compression;
use diph_recon::acquisition::{CoilSource, NoiseSource};

/// How coils are combined.
#[derive(Args, Debug)]
#[command(next_help_heading = "Coils")]
pub struct CoilArgs {
    /// Coil sensitivities: espirit or walsh to estimate them from each slice, or an array (coil, [z,] y, x) in a file, such as `diph
    /// coils` writes. Default: those of the data folder, else walsh
    #[arg(long, value_name = "espirit|walsh|FILE[:KEY]")]
    pub coils: Option<CoilSource>,
    /// Noise that was received without a signal, to make the noise of the coils uncorrelated: an array (coil, ..., sample), or ISMRMRD
    /// raw data with a noise scan. Default: the noise scan of the measurement, where it has one; none leaves it out
    #[arg(long, value_name = "FILE[:KEY]|none")]
    pub noise: Option<NoiseSource>,
    /// Reconstruct from virtual coils that hold most of the energy: their number (8), or with a point the part of the energy (0.99)
    #[arg(long, value_name = "COILS|ENERGY")]
    pub coil_compression: Option<Compression>,
}
