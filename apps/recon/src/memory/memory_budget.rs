//! What a command may take.

use diph_core::{ByteSize, MemoryEstimate};

use super::available_memory;
use crate::NotEnoughMemory;

/// What a command may take: what the user says, or what is free.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryBudget {
    /// Bytes that the user grants; what is free where there is no limit.
    pub limit: Option<ByteSize>,
}

impl MemoryBudget {
    /// Fails when `work` cannot fit; `advice` says what would make it smaller. Where nobody knows how much there is, everything fits.
    ///
    /// # Errors
    /// [`NotEnoughMemory`] with the estimate, its largest parts and what is available.
    pub fn check(&self, work: &str, estimate: &MemoryEstimate, advice: &str) -> Result<(), NotEnoughMemory> {
        let Some(available) = self.limit.or_else(available_memory) else {
            return Ok(());
        };
        if estimate.peak() <= available.0 {
            return Ok(());
        }
        let (work, estimate, advice) = (work.into(), estimate.clone(), advice.into());
        Err(NotEnoughMemory { work, estimate, available, advice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fit_is_refused_with_numbers_and_advice() {
        let budget = MemoryBudget { limit: Some(ByteSize(1 << 30)) };
        let fits = MemoryEstimate::default().kept("atoms", 1 << 30);
        assert!(budget.check("dictionary", &fits, "").is_ok());
        let error = budget.check("dictionary", &fits.kept("tree", 1 << 29), "take fewer atoms").unwrap_err();
        let expected = "dictionary would need about 1.5 GiB (atoms 1.0 GiB, tree 512 MiB), and 1.0 GiB are available; take \
                        fewer atoms";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn what_nobody_has_is_refused_without_a_limit() {
        let vast = MemoryEstimate::default().kept("atoms", 1 << 60);
        assert!(MemoryBudget::default().check("dictionary", &vast, "").is_err());
    }
}
