//! One readout of an ISMRMRD file.

/// What is known of a readout before its samples are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// Its place in the file.
    pub record: usize,
    /// Bits, bit n - 1 for flag n of the format.
    pub flags: u64,
    /// Number of samples, those to be discarded among them.
    pub samples: usize,
    /// Number of receivers.
    pub channels: usize,
    /// Samples at the beginning that do not count.
    pub discard_pre: usize,
    /// Samples at the end that do not count.
    pub discard_post: usize,
    /// The sample at the centre of k-space.
    pub center_sample: usize,
    /// Which encoding of the header it belongs to.
    pub encoding: usize,
    /// Columns of the trajectory that comes with it; 0 where there is none.
    pub trajectory_dimensions: usize,
    /// Time between two samples in seconds.
    pub dwell_time: f64,
    /// Centre of the slice in mm, in the patient's coordinates.
    pub position: [f64; 3],
    /// Direction of x in the patient's coordinates.
    pub read_direction: [f64; 3],
    /// Direction of y in the patient's coordinates.
    pub phase_direction: [f64; 3],
    /// Direction of z in the patient's coordinates.
    pub slice_direction: [f64; 3],
    /// What it is in the order of the sequence.
    pub counters: Counters,
}

/// Counters of the sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// First phase encoding, or the arm of a spiral.
    pub step_1: usize,
    /// Second phase encoding, or the partition of a stack.
    pub step_2: usize,
    /// Which of several measurements of the same thing.
    pub average: usize,
    /// Which slice.
    pub slice: usize,
    /// Which echo.
    pub contrast: usize,
    /// Which phase of the heart.
    pub phase: usize,
    /// Which repetition.
    pub repetition: usize,
    /// Which set, such as an encoding of flow.
    pub set: usize,
    /// Which segment.
    pub segment: usize,
}

/// What a readout is for. The numbers are those of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ReadoutFlag {
    /// Noise without a signal.
    Noise = 19,
    /// Calibration of a parallel acquisition, not part of the image.
    Calibration = 20,
    /// Calibration that is part of the image, too.
    CalibrationAndImaging = 21,
    /// Sampled from the end to the beginning.
    Reverse = 22,
    /// A navigator.
    Navigation = 23,
    /// For the correction of phases.
    PhaseCorrection = 24,
    /// Feedback in high priority.
    HighPriorityFeedback = 26,
    /// Nothing to be kept.
    Dummy = 27,
    /// Feedback in real time.
    RealTimeFeedback = 28,
    /// For the correction of surface coils.
    SurfaceCoilCorrection = 29,
    /// The reference of a stabilisation of phases.
    PhaseStabilizationReference = 30,
    /// A stabilisation of phases.
    PhaseStabilization = 31,
}

impl ReadoutFlag {
    /// Flags of readouts that are no part of an image.
    pub const NOT_OF_THE_IMAGE: [Self; 9] = [
        Self::Noise,
        Self::Navigation,
        Self::PhaseCorrection,
        Self::HighPriorityFeedback,
        Self::Dummy,
        Self::RealTimeFeedback,
        Self::SurfaceCoilCorrection,
        Self::PhaseStabilizationReference,
        Self::PhaseStabilization,
    ];
}

impl Readout {
    /// Whether it bears a flag.
    pub fn is(&self, flag: ReadoutFlag) -> bool {
        self.flags >> (flag as u32 - 1) & 1 == 1
    }

    /// Whether it is part of an image.
    pub fn is_imaging(&self) -> bool {
        let only_calibrates = self.is(ReadoutFlag::Calibration) && !self.is(ReadoutFlag::CalibrationAndImaging);
        !only_calibrates && !ReadoutFlag::NOT_OF_THE_IMAGE.iter().any(|flag| self.is(*flag))
    }

    /// Samples that count.
    pub fn kept(&self) -> std::ops::Range<usize> {
        let end = self.samples.saturating_sub(self.discard_post);
        self.discard_pre.min(end)..end
    }
}
