//! A table whose records have fields, some of them of variable length.

use hdf5_reader::{Dataset, Datatype, dtype_element_size};

use super::Hdf5File;
use super::number::Number;
use crate::{Error, Result};

/// A table of records. Where a field stands is what the file says, because programs lay records out differently.
pub(crate) struct Records<'a> {
    file: &'a Hdf5File,
    key: String,
    dataset: Dataset,
    /// All records, one after the other; of fields with variable length where they lie.
    bytes: Vec<u8>,
    size: usize,
}

/// Numbers of a record: one, or an array of them.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    offset: usize,
    number: Number,
    count: usize,
}

/// Numbers of a record of variable length.
#[derive(Clone, Copy)]
pub(crate) struct Sequence {
    offset: usize,
    number: Number,
}

impl<'a> Records<'a> {
    /// Reads a table.
    ///
    /// # Errors
    /// [`Error::MissingKey`], [`Error::Malformed`] when it is garbled, [`Error::Unexpected`] when it is no table.
    pub fn read(file: &'a Hdf5File, key: &str) -> Result<Self> {
        let dataset = file.dataset(key)?;
        if !matches!(dataset.dtype(), Datatype::Compound { .. }) {
            return Err(Error::unexpected(file.path(), key, "a table of records", "plain numbers"));
        }
        let bytes = dataset.read_raw_bytes().map_err(|error| file.malformed(key, error))?;
        let size = dataset.raw_element_size().map_err(|error| file.malformed(key, error))?.max(1);
        Ok(Self { file, key: key.into(), dataset, bytes, size })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.size
    }

    /// The field of a path of names, `head.idx.slice`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when there is no such field, or it is no number and no array of `count` numbers.
    pub fn field(&self, name: &str, count: usize) -> Result<Field> {
        let (offset, datatype) = self.find(name)?;
        let found = match datatype {
            Datatype::Array { base, dims } => {
                let fits =
                    dims.iter().try_fold(1u64, |product, length| product.checked_mul(*length)) == Some(count as u64);
                Number::of(base).filter(|_| fits)
            }
            single => Number::of(single).filter(|_| count == 1),
        };
        match found {
            Some(number) if offset + count * number.size <= self.size => Ok(Field { offset, number, count }),
            _ => Err(self.unexpected(name, format!("{count} numbers"))),
        }
    }

    /// A field whose length differs between records.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when there is no such field, or its elements are no numbers.
    pub fn sequence(&self, name: &str) -> Result<Sequence> {
        let (offset, datatype) = self.find(name)?;
        let Datatype::VarLen { base, .. } = datatype else {
            return Err(self.unexpected(name, "numbers of variable length".into()));
        };
        let number = Number::of(base).filter(|number| dtype_element_size(base).is_ok_and(|size| size == number.size));
        let ends = offset + self.dataset.vlen_reference_size();
        let number = number.filter(|_| ends <= self.size);
        number.map(|number| Sequence { offset, number }).ok_or_else(|| self.unexpected(name, "numbers".into()))
    }

    /// The first number of a field of a record.
    pub fn integer(&self, record: usize, field: Field) -> i64 {
        field.number.integer(&self.record(record)[field.offset..])
    }

    /// The numbers of a field of a record.
    pub fn reals<const N: usize>(&self, record: usize, field: Field) -> [f64; N] {
        let bytes = &self.record(record)[field.offset..];
        std::array::from_fn(|index| match index < field.count {
            true => field.number.real(&bytes[index * field.number.size..]),
            false => 0.0,
        })
    }

    /// The numbers of a field of variable length of a record.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the record leads to nowhere.
    pub fn numbers(&self, record: usize, field: Sequence) -> Result<Vec<f32>> {
        let reference = &self.record(record)[field.offset..][..self.dataset.vlen_reference_size()];
        let bytes = self.dataset.resolve_vlen_reference_bytes(reference, field.number.size);
        let bytes = bytes.map_err(|error| self.file.malformed(&self.key, format!("record {record}: {error}")))?;
        Ok(bytes.chunks_exact(field.number.size).map(|value| field.number.real(value) as f32).collect())
    }

    fn record(&self, record: usize) -> &[u8] {
        &self.bytes[record * self.size..][..self.size]
    }

    /// Where a field stands, and what it is.
    fn find(&self, name: &str) -> Result<(usize, &Datatype)> {
        let (mut offset, mut datatype) = (0, self.dataset.dtype());
        for part in name.split('.') {
            let Datatype::Compound { fields, .. } = datatype else {
                return Err(self.unexpected(name, "a record".into()));
            };
            let Some(field) = fields.iter().find(|field| field.name == part) else {
                return Err(self.unexpected(name, "a field of that name".into()));
            };
            offset += field.byte_offset as usize;
            datatype = &field.datatype;
        }
        Ok((offset, datatype))
    }

    fn unexpected(&self, name: &str, expected: String) -> Error {
        let key = format!("{}.{name}", self.key);
        Error::unexpected(self.file.path(), &key, expected, "something else, or nothing")
    }
}
