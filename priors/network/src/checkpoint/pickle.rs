//! As much of Python's pickle format as state dicts need (protocol 2 and what later ones add to it).
//!
//! Values refer to each other by number, so that no file, however made, needs more memory than a small multiple of its own length or a
//! recursion to be freed. Nothing of Python is run: calls of functions that are not known become values that nobody looks into.

use std::collections::HashMap;

/// A value; those inside of it are given by their number in [`Pickle::values`].
#[derive(Clone, Debug)]
pub enum Value {
    /// An integer.
    Int(i64),
    /// A text.
    Text(String),
    /// A tuple or a list.
    Sequence(Vec<usize>),
    /// A dict, keys and values in the order in which they were set.
    Dict(Vec<(usize, usize)>),
    /// A function or class by its name, `torch.FloatStorage` for example.
    Global(String),
    /// What PyTorch stores outside of the pickle, by a description of it.
    Persistent(usize),
    /// The call of a function, by function and arguments.
    Call(usize, usize),
    /// Anything else.
    Other,
}

/// The values of a pickle.
pub struct Pickle {
    values: Vec<Value>,
    root: usize,
}

impl Pickle {
    /// Reads a pickle.
    ///
    /// # Errors
    /// A message when it ends too early, breaks its own rules or uses an instruction that state dicts have no need of.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut machine =
            Machine { bytes, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
        loop {
            let [code] = machine.take()?;
            if code == b'.' {
                let root = machine.pop()?;
                return Ok(Self { values: machine.values, root });
            }
            machine.run(code)?;
        }
    }

    /// The number of the outermost value.
    pub fn root(&self) -> usize {
        self.root
    }

    /// The value of a number.
    pub fn value(&self, number: usize) -> &Value {
        &self.values[number]
    }

    /// The text of a number, if it is one.
    pub fn text(&self, number: usize) -> Option<&str> {
        match self.value(number) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The tuple or list of a number, if it is one.
    pub fn sequence(&self, number: usize) -> Option<&[usize]> {
        match self.value(number) {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The integer of a number, if it is one that counts something.
    pub fn count(&self, number: usize) -> Option<usize> {
        match self.value(number) {
            Value::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }
}

/// The stack machine that a pickle is a program for.
struct Machine<'a> {
    bytes: &'a [u8],
    values: Vec<Value>,
    stack: Vec<usize>,
    marks: Vec<usize>,
    memo: HashMap<u32, usize>,
}

impl<'a> Machine<'a> {
    fn slice(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or("the pickle ends too early")?;
        self.bytes = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or("the pickle ends too early")?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn line(&mut self) -> Result<String, String> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n').ok_or("the pickle ends too early")?;
        let line = self.slice(end)?;
        self.slice(1)?;
        text(line)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<usize, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("the pickle takes a value that is not there".into());
        }
        self.stack.pop().ok_or_else(|| "the pickle takes a value that is not there".into())
    }

    fn top(&self) -> Result<usize, String> {
        self.stack.last().copied().ok_or_else(|| "the pickle takes a value that is not there".into())
    }

    /// Everything since the last mark.
    fn pop_marked(&mut self) -> Result<Vec<usize>, String> {
        let mark = self.marks.pop().ok_or("the pickle takes a mark that is not there")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<usize>, String> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(items)
    }

    fn memoize(&mut self, number: u32) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(number, top);
        Ok(())
    }

    fn recall(&mut self, number: u32) -> Result<(), String> {
        let value = self.memo.get(&number).ok_or("the pickle refers to a value that is not there")?;
        self.stack.push(*value);
        Ok(())
    }

    fn run(&mut self, code: u8) -> Result<(), String> {
        match code {
            // PROTO and FRAME say nothing about values.
            0x80 => drop(self.take::<1>()?),
            0x95 => drop(self.take::<8>()?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'N' | 0x88 | 0x89 => self.push(Value::Other),
            b'K' => {
                let [byte] = self.take()?;
                self.push(Value::Int(byte.into()));
            }
            b'M' => {
                let bytes = self.take()?;
                self.push(Value::Int(u16::from_le_bytes(bytes).into()));
            }
            b'J' => {
                let bytes = self.take()?;
                self.push(Value::Int(i32::from_le_bytes(bytes).into()));
            }
            0x8a => self.run_long()?,
            b'G' => {
                self.take::<8>()?;
                self.push(Value::Other);
            }
            b'X' => {
                let len = u32::from_le_bytes(self.take()?) as usize;
                self.run_text(len)?;
            }
            0x8c => {
                let [len] = self.take()?;
                self.run_text(len.into())?;
            }
            b'B' => {
                let len = u32::from_le_bytes(self.take()?) as usize;
                self.slice(len)?;
                self.push(Value::Other);
            }
            b'C' => {
                let [len] = self.take()?;
                self.slice(len.into())?;
                self.push(Value::Other);
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b']' | b')' => self.push(Value::Sequence(Vec::new())),
            b't' | b'l' => {
                let items = self.pop_marked()?;
                self.push(Value::Sequence(items));
            }
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(code - 0x84))?;
                self.push(Value::Sequence(items));
            }
            b'q' => {
                let [number] = self.take()?;
                self.memoize(number.into())?;
            }
            b'r' => {
                let number = u32::from_le_bytes(self.take()?);
                self.memoize(number)?;
            }
            0x94 => self.memoize(u32::try_from(self.memo.len()).map_err(|_| "the pickle is too long")?)?,
            b'h' => {
                let [number] = self.take()?;
                self.recall(number.into())?;
            }
            b'j' => {
                let number = u32::from_le_bytes(self.take()?);
                self.recall(number)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(format!("{module}.{name}")));
            }
            0x93 => self.run_stack_global()?,
            b'Q' => {
                let description = self.pop()?;
                self.push(Value::Persistent(description));
            }
            b'R' | 0x81 => self.run_call()?,
            // The state of an object; that of an ordered dict is its `_metadata`.
            b'b' => drop(self.pop()?),
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.pop_marked()?;
                self.append(items)?;
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set(items)?;
            }
            b'u' => {
                let items = self.pop_marked()?;
                self.set(items)?;
            }
            other => {
                return Err(format!("the pickle has an instruction {other:#04x} that state dicts have no need of"));
            }
        }
        Ok(())
    }

    fn run_text(&mut self, len: usize) -> Result<(), String> {
        let text = text(self.slice(len)?)?;
        self.push(Value::Text(text));
        Ok(())
    }

    /// An integer of any length; those that count something have at most eight bytes.
    fn run_long(&mut self) -> Result<(), String> {
        let [len] = self.take()?;
        let bytes = self.slice(len.into())?;
        let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut number = [sign; 8];
        match number.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                self.push(Value::Int(i64::from_le_bytes(number)));
            }
            None => self.push(Value::Other),
        }
        Ok(())
    }

    fn run_stack_global(&mut self) -> Result<(), String> {
        let [module, name] = [self.pop_many(2)?].concat()[..] else { return Err("the pickle ends too early".into()) };
        match (&self.values[module], &self.values[name]) {
            (Value::Text(module), Value::Text(name)) => {
                let name = format!("{module}.{name}");
                self.push(Value::Global(name));
                Ok(())
            }
            _ => Err("the pickle names a function by something that is no text".into()),
        }
    }

    /// A call. An ordered dict is a dict, and a parameter is the tensor that it is made of.
    fn run_call(&mut self) -> Result<(), String> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Value::Global(name) = &self.values[function] else {
            self.push(Value::Other);
            return Ok(());
        };
        let first = match &self.values[arguments] {
            Value::Sequence(items) => items.first().copied(),
            _ => None,
        };
        match (name.as_str(), first) {
            ("collections.OrderedDict", None) => self.push(Value::Dict(Vec::new())),
            ("torch._utils._rebuild_parameter", Some(tensor)) => self.stack.push(tensor),
            _ => self.push(Value::Call(function, arguments)),
        }
        Ok(())
    }

    fn append(&mut self, items: Vec<usize>) -> Result<(), String> {
        let list = self.top()?;
        match &mut self.values[list] {
            Value::Sequence(list) => list.extend(items),
            Value::Other | Value::Call(..) => (),
            _ => return Err("the pickle appends to something that is no list".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<usize>) -> Result<(), String> {
        let dict = self.top()?;
        match &mut self.values[dict] {
            Value::Dict(dict) => dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            Value::Other | Value::Call(..) => (),
            _ => return Err("the pickle sets an entry of something that is no dict".into()),
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "the pickle has a text that is not UTF-8".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dict_of_a_list_is_read() {
        // {'a': [1, -2], 'b': None}
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffeX\x01\x00\x00\x00bNu.";
        let pickle = Pickle::parse(bytes).unwrap();
        let Value::Dict(entries) = pickle.value(pickle.root()) else { panic!("no dict") };
        assert_eq!(entries.len(), 2);
        assert_eq!(pickle.text(entries[0].0), Some("a"));
        let items = pickle.sequence(entries[0].1).unwrap();
        assert_eq!(pickle.count(items[0]), Some(1));
        assert!(pickle.count(items[1]).is_none() && matches!(pickle.value(items[1]), Value::Int(-2)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Pickle::parse(&bytes);
        }

        /// The instructions without operands, in any order.
        #[test]
        fn any_program_is_read_or_refused(codes in proptest::collection::vec(proptest::sample::select(
            b"(0N}])tlaesubRQ\x81\x85\x86\x87\x93\x94h\x00K\x01q\x00".to_vec()), 0..100)) {
            let _ = Pickle::parse(&codes);
        }
    }
}
