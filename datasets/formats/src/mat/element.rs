//! Numbers of the format: types of data elements and classes of arrays.

/// Types of data elements.
pub(super) mod data_type {
    pub const INT8: u32 = 1;
    pub const UINT8: u32 = 2;
    pub const INT16: u32 = 3;
    pub const UINT16: u32 = 4;
    pub const INT32: u32 = 5;
    pub const UINT32: u32 = 6;
    pub const SINGLE: u32 = 7;
    pub const DOUBLE: u32 = 9;
    pub const INT64: u32 = 12;
    pub const UINT64: u32 = 13;
    pub const MATRIX: u32 = 14;
    pub const COMPRESSED: u32 = 15;
    pub const UTF8: u32 = 16;
    pub const UTF16: u32 = 17;
    pub const UTF32: u32 = 18;
}

/// Classes of arrays.
pub(super) mod class {
    pub const CELL: u8 = 1;
    pub const STRUCT: u8 = 2;
    pub const OBJECT: u8 = 3;
    pub const CHAR: u8 = 4;
    pub const SPARSE: u8 = 5;
    pub const DOUBLE: u8 = 6;
    pub const SINGLE: u8 = 7;
    pub const UINT8: u8 = 9;
    pub const INT64: u8 = 14;
    pub const UINT64: u8 = 15;
    pub const FUNCTION: u8 = 16;
}

/// Bits of the flags byte of an array.
pub(super) mod flag {
    pub const LOGICAL: u8 = 0x02;
    pub const COMPLEX: u8 = 0x08;
}

/// Length of the text and version in front of the first data element.
pub(super) const HEADER_LENGTH: usize = 128;
