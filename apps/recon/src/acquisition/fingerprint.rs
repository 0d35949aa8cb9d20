//! What measured k-space remembers of its acquisition.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Acquisition, AcquisitionSource};
use crate::{Blame, ReconError};

/// Characters of each hash: more than enough to tell the acquisitions of a user apart.
const CHARACTERS: usize = 16;

/// Hashes of what k-space depends on: positions, temporal basis, coil sensitivities. Density compensation does not count, for it
/// belongs to the reconstruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    trajectory: String,
    dictionary: String,
    coil_maps: String,
}

impl Fingerprint {
    /// The fingerprint of trajectory, basis, weights and coil sensitivities of an acquisition.
    pub fn of(acquisition: &Acquisition) -> Self {
        let mut trajectory = Sha256::new();
        acquisition.trajectory.iter().for_each(|position| trajectory.update(position.to_le_bytes()));
        // The other columns may be left out when it is read again.
        let mut dictionary = Sha256::new();
        acquisition.dictionary.basis().column(0).iter().for_each(|value| dictionary.update(value.to_le_bytes()));
        let coil_maps = acquisition.coil_maps.as_ref().map(|maps| {
            let mut hash = Sha256::new();
            maps.iter().for_each(|value| hash.update([value.re.to_le_bytes(), value.im.to_le_bytes()].concat()));
            hash
        });
        Self {
            trajectory: short(trajectory),
            dictionary: short(dictionary),
            coil_maps: coil_maps.map_or("none".into(), short),
        }
    }

    /// The fingerprint in hexadecimal, as it stands in files.
    pub fn text(&self) -> String {
        format!("trajectory {}, dictionary {}, coil maps {}", self.trajectory, self.dictionary, self.coil_maps)
    }

    /// Fails when k-space was measured with another acquisition than the data folder has. What the user has named instead of the folder's
    /// files is the user's business.
    ///
    /// # Errors
    /// [`ReconError::File`] naming the k-space and what differs.
    pub fn check(&self, kspace: &Path, measured_with: &str, source: &AcquisitionSource<'_>) -> Result<(), ReconError> {
        let own_dictionary = source.dictionary.is_none() && source.sequence.is_none();
        let own_coils = source.coils.is_none();
        let parts = [
            ("trajectory", &self.trajectory, source.trajectory.is_none()),
            ("dictionary", &self.dictionary, own_dictionary),
            ("coil maps", &self.coil_maps, own_coils),
        ];
        for (name, hash, is_own) in parts {
            let is_said =
                measured_with.split(", ").any(|part| part.strip_prefix(name).is_some_and(|found| found.trim() == hash));
            if is_own && !is_said {
                let message = format!(
                    "key `measured_with`: it was measured with another acquisition than that in {} ({name} differ); simulate \
                     again, or name the file to take",
                    source.from.place().join("acquisition").display()
                );
                return Err(message).file(kspace);
            }
        }
        Ok(())
    }
}

fn short(hash: Sha256) -> String {
    let text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text[..CHARACTERS].into()
}
