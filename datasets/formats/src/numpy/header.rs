//! The header of an `.npy` array: a Python dictionary literal behind a magic number.

/// First bytes of every `.npy` array.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Alignment of the values behind the header.
const ALIGNMENT: usize = 64;

/// What an `.npy` header says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// numpy's type description, for example `<c8`.
    pub descr: String,
    /// Whether the first axis varies fastest.
    pub fortran_order: bool,
    /// Axis lengths, slowest first.
    pub shape: Vec<usize>,
}

impl Header {
    /// Reads the header in front of `bytes` and gives it with the values behind it.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), String> {
        let truncated = || "truncated header".to_string();
        let rest = bytes.strip_prefix(MAGIC).ok_or("no numpy magic number in front")?;
        let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
        let (length, rest) = match version[0] {
            1 => {
                let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
                (u16::from_le_bytes(*length) as usize, rest)
            }
            2 | 3 => {
                let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
                (u32::from_le_bytes(*length) as usize, rest)
            }
            other => return Err(format!("unknown numpy format version {other}")),
        };
        let (literal, values) = rest.split_at_checked(length).ok_or_else(truncated)?;
        let literal = std::str::from_utf8(literal).map_err(|_| "header is not text")?;
        Ok((Self::parse_literal(literal)?, values))
    }

    /// The header as bytes, padded so that the values behind it are aligned.
    pub fn to_bytes(&self) -> Vec<u8> {
        let shape = match self.shape.as_slice() {
            [] => "()".to_string(),
            [length] => format!("({length},)"),
            lengths => format!("({})", lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
        };
        let order = if self.fortran_order { "True" } else { "False" };
        let mut literal = format!("{{'descr': '{}', 'fortran_order': {order}, 'shape': {shape}, }}", self.descr);
        let unpadded = MAGIC.len() + 4 + literal.len() + 1;
        literal.push_str(&" ".repeat(unpadded.next_multiple_of(ALIGNMENT) - unpadded));
        literal.push('\n');
        // No array has so many axes that a version 1 header, 64 KiB, would not do: ndarray and numpy stop at 64.
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((literal.len() as u16).to_le_bytes());
        bytes.extend(literal.as_bytes());
        bytes
    }

    fn parse_literal(literal: &str) -> Result<Self, String> {
        let mut cursor = Cursor { rest: literal };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        cursor.expect('{')?;
        while !cursor.take('}') {
            let key = cursor.string()?;
            cursor.expect(':')?;
            match key {
                "descr" => descr = Some(cursor.string().map_err(|_| "structured types are not supported")?.to_string()),
                "fortran_order" => fortran_order = Some(cursor.boolean()?),
                "shape" => shape = Some(cursor.tuple()?),
                other => return Err(format!("unknown header entry `{other}`")),
            }
            if !cursor.take(',') {
                cursor.expect('}')?;
                break;
            }
        }
        Ok(Self {
            descr: descr.ok_or("header without `descr`")?,
            fortran_order: fortran_order.ok_or("header without `fortran_order`")?,
            shape: shape.ok_or("header without `shape`")?,
        })
    }
}

/// What is left of a Python literal.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, token: char) -> bool {
        let trimmed = self.rest.trim_start();
        match trimmed.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: char) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("garbled header: no `{token}` where one has to be")) }
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let quote = if self.take('\'') { '\'' } else { self.expect('"').map(|()| '"')? };
        let (text, rest) = self.rest.split_once(quote).ok_or("garbled header: open string")?;
        self.rest = rest;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, String> {
        let trimmed = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = trimmed.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err("garbled header: `fortran_order` is neither True nor False".into())
    }

    fn tuple(&mut self) -> Result<Vec<usize>, String> {
        self.expect('(')?;
        let (inside, rest) = self.rest.split_once(')').ok_or("garbled header: open shape")?;
        self.rest = rest;
        let mut lengths: Vec<&str> = inside.split(',').map(str::trim).collect();
        if lengths.last() == Some(&"") {
            lengths.pop();
        }
        // Python 2 wrote long integers with an L behind them.
        let parse = |length: &str| length.trim_end_matches('L').parse().map_err(|_| format!("bad length `{length}`"));
        lengths.into_iter().map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(shape in prop::collection::vec(0usize..5000, 0..6), fortran_order: bool) {
            let header = Header { descr: "<c8".into(), fortran_order, shape };
            let bytes = header.to_bytes();
            prop_assert_eq!(bytes.len() % ALIGNMENT, 0);
            prop_assert_eq!(Header::parse(&bytes), Ok((header, &[][..])));
        }

        #[test]
        fn garbled_headers_do_not_panic(literal in "[ {}()':,a-zA-Z0-9<]{0,80}") {
            let _ = Header::parse_literal(&literal);
        }
    }

    #[test]
    fn other_spellings() {
        let python2 = r#"{"shape": (3L, 4L), 'fortran_order': True, 'descr': '>f8'}"#;
        let header = Header::parse_literal(python2).unwrap();
        assert_eq!(header, Header { descr: ">f8".into(), fortran_order: true, shape: vec![3, 4] });
        let structured = "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (3,), }";
        assert!(Header::parse_literal(structured).unwrap_err().contains("structured"));
    }
}
