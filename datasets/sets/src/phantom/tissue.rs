//! Tissues and their properties at 3 T.

/// A tissue of the head, numbered as in a label map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Tissue {
    /// Outside of the head, and whatever gives no signal.
    Air = 0,
    /// Cerebrospinal fluid in ventricles and sulci and around the brain.
    Csf = 1,
    /// Grey matter of the cortex.
    GreyMatter = 2,
    /// White matter of cerebrum and cerebellum.
    WhiteMatter = 3,
    /// Caudate nucleus, deep grey matter beside the lateral ventricles.
    Caudate = 4,
    /// Putamen, deep grey matter at the side of the globus pallidus.
    Putamen = 5,
    /// Globus pallidus, rich in iron.
    Pallidum = 6,
    /// Thalamus, deep grey matter beside the third ventricle.
    Thalamus = 7,
    /// Midbrain and pons.
    Brainstem = 8,
    /// Compact bone of the skull, nearly without signal.
    Bone = 9,
    /// Marrow between the tables of the skull.
    Marrow = 10,
    /// Muscle around the skull and in the neck.
    Muscle = 11,
    /// Fat under the skin.
    Fat = 12,
    /// Skin, the outermost layer of the head.
    Skin = 13,
}

/// Mean properties of a tissue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Properties {
    /// T1 in seconds.
    pub t1: f32,
    /// T2 in seconds.
    pub t2: f32,
    /// Proton density relative to water.
    pub pd: f32,
}

impl Tissue {
    /// All tissues, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Air,
        Self::Csf,
        Self::GreyMatter,
        Self::WhiteMatter,
        Self::Caudate,
        Self::Putamen,
        Self::Pallidum,
        Self::Thalamus,
        Self::Brainstem,
        Self::Bone,
        Self::Marrow,
        Self::Muscle,
        Self::Fat,
        Self::Skin,
    ];

    /// Means over the published values at 3 T: T1 after the review of Bojorquez et al. 2017 (Magn Reson Imaging 35,
    /// 69-80), T2 after the same and Stanisz et al. 2005 (Magn Reson Med 54, 507-512), fat, marrow and muscle after de
    /// Bazelaire et al. 2004 (Radiology 230, 652-659) and Stanisz. Published values differ by 20 % and more; those of MR
    /// fingerprinting lie at the low end in T2, and these lie between. Water content after Whittall et al. 1997 (Magn Reson Med 37, 34-43).
    pub(super) fn properties(self) -> Properties {
        let (t1, t2, pd) = match self {
            Self::Air => (0.0, 0.0, 0.0),
            Self::Csf => (4.0, 1.5, 1.0),
            Self::GreyMatter => (1.45, 0.085, 0.82),
            Self::WhiteMatter => (0.87, 0.062, 0.70),
            Self::Caudate => (1.33, 0.075, 0.80),
            Self::Putamen => (1.24, 0.068, 0.80),
            Self::Pallidum => (0.98, 0.048, 0.73),
            Self::Thalamus => (1.14, 0.070, 0.76),
            Self::Brainstem => (1.00, 0.068, 0.73),
            Self::Bone => (0.30, 0.010, 0.08),
            Self::Marrow => (0.55, 0.049, 0.35),
            Self::Muscle => (1.41, 0.035, 0.74),
            Self::Fat => (0.38, 0.068, 0.90),
            Self::Skin => (0.95, 0.030, 0.55),
        };
        Properties { t1, t2, pd }
    }
}
