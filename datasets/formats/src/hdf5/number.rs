//! Numbers as HDF5 stores them.

use hdf5_reader::{ByteOrder, Datatype};

/// How a number lies in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    kind: Kind,
    /// Bytes: 1, 2, 4 or 8.
    pub size: usize,
    big_endian: bool,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Signed,
    Unsigned,
    Float,
}

impl Number {
    /// `None` for what is no number, or one of an unusual width.
    pub fn of(datatype: &Datatype) -> Option<Self> {
        let (kind, size, order) = match datatype {
            Datatype::FixedPoint { size, signed: true, byte_order } => (Kind::Signed, *size, *byte_order),
            Datatype::FixedPoint { size, signed: false, byte_order } => (Kind::Unsigned, *size, *byte_order),
            Datatype::FloatingPoint { size, byte_order } if matches!(size, 4 | 8) => (Kind::Float, *size, *byte_order),
            Datatype::Enum { base, .. } => return Self::of(base),
            _ => return None,
        };
        let big_endian = matches!(order, ByteOrder::BigEndian);
        matches!(size, 1 | 2 | 4 | 8).then_some(Self { kind, size: size.into(), big_endian })
    }

    /// What the number is.
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// A number with a point, or an integer as such.
    pub fn real(self, bytes: &[u8]) -> f64 {
        let word = self.word(bytes);
        match (self.kind, self.size) {
            (Kind::Float, 4) => f32::from_bits(word as u32).into(),
            (Kind::Float, _) => f64::from_bits(word),
            (Kind::Signed, _) => self.signed(word) as f64,
            (Kind::Unsigned, _) => word as f64,
        }
    }

    /// An integer, the bits of an unsigned one of 64 bits.
    pub fn integer(self, bytes: &[u8]) -> i64 {
        match self.kind {
            Kind::Float => self.real(bytes) as i64,
            Kind::Signed => self.signed(self.word(bytes)),
            Kind::Unsigned => self.word(bytes) as i64,
        }
    }

    /// The bytes as a word; fewer bytes than the number has count as zeros.
    fn word(self, bytes: &[u8]) -> u64 {
        let bytes = &bytes[..self.size.min(bytes.len())];
        let join = |word: u64, byte: &u8| word << 8 | u64::from(*byte);
        match self.big_endian {
            true => bytes.iter().fold(0, join),
            false => bytes.iter().rev().fold(0, join),
        }
    }

    fn signed(self, word: u64) -> i64 {
        let unused = 64 - 8 * self.size as u32;
        (word as i64) << unused >> unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_and_order() {
        let fixed = |size, signed, byte_order| Number::of(&Datatype::FixedPoint { size, signed, byte_order }).unwrap();
        assert_eq!(fixed(2, true, ByteOrder::LittleEndian).integer(&[0xfe, 0xff]), -2);
        assert_eq!(fixed(2, false, ByteOrder::BigEndian).integer(&[1, 2]), 258);
        assert_eq!(fixed(8, false, ByteOrder::LittleEndian).integer(&[0, 0, 4, 0, 0, 0, 0, 0]), 1 << 18);
        assert_eq!(fixed(1, true, ByteOrder::LittleEndian).real(&[0x80]), -128.0);
        let float = |size, byte_order| Number::of(&Datatype::FloatingPoint { size, byte_order }).unwrap();
        assert_eq!(float(4, ByteOrder::BigEndian).real(&1.5f32.to_be_bytes()), 1.5);
        assert_eq!(float(8, ByteOrder::LittleEndian).real(&(-0.1f64).to_le_bytes()), -0.1);
        let order = ByteOrder::LittleEndian;
        assert_eq!(Number::of(&Datatype::FloatingPoint { size: 16, byte_order: order }), None);
        assert_eq!(Number::of(&Datatype::FixedPoint { size: 3, signed: true, byte_order: order }), None);
    }
}
