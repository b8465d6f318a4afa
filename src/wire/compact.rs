//! Numbers and texts as stored records write them: the wire format of postcard 1 (its specification: integers of more
//! than a byte as LEB128, signed ones zigzag first, texts and lists behind their length), written and read in one pass.
//! What it has not are columns: numbers of one kind side by side, all of one width.
//!
//! A record is written with nearly every event and read with nearly every other. The library of that name wrote byte by
//! byte and read into lists that were thrown away at once, which together took a fifth of all work.

/// What can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut;

/// Writes at the end of a vector.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(super) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    pub(super) fn flag(&mut self, value: bool) {
        self.byte(u8::from(value));
    }

    pub(super) fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    pub(super) fn signed(&mut self, value: i64) {
        self.unsigned((value << 1 ^ value >> 63) as u64);
    }

    pub(super) fn signed_128(&mut self, value: i128) {
        let mut zigzag = (value << 1 ^ value >> 127) as u128;
        while zigzag > u128::from(u64::MAX) {
            self.byte(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        self.unsigned(zigzag as u64);
    }

    pub(super) fn length(&mut self, length: usize) {
        self.unsigned(length as u64);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    /// A byte that says whether there is one, and then that.
    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// The bytes that the greatest of these numbers takes, and then all of them in as many bytes, the lowest first.
    pub(super) fn column(&mut self, values: impl ExactSizeIterator<Item = u64> + Clone) {
        let bits = 64 - values.clone().fold(0, |all, value| all | value).leading_zeros();
        let width = bits.div_ceil(8) as usize;
        self.byte(width as u8);
        if width == 0 {
            return;
        }
        // Each is written whole, and its upper bytes are written over by the next.
        let mut end = self.0.len();
        self.0.resize(end + width * values.len() + 8 - width, 0);
        for value in values {
            self.0[end..end + 8].copy_from_slice(&value.to_le_bytes());
            end += width;
        }
        self.0.truncate(end);
    }

    /// How many there are, and then these.
    pub(super) fn list<T>(
        &mut self,
        values: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        let values = values.into_iter();
        self.length(values.len());
        values.for_each(|value| write(self, value));
    }
}

/// Reads from the start of a slice.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, Cut> {
        let (first, rest) = self.0.split_first().ok_or(Cut)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Cut> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Cut)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Cut> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Cut),
        }
    }

    fn varint(&mut self, bits: u32) -> Result<u128, Cut> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            let seven = u128::from(byte & 0x7f);
            if shift >= bits || bits - shift < 7 && seven >> (bits - shift) != 0 {
                return Err(Cut);
            }
            value |= seven << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, Cut> {
        // One byte is by far the most frequent, then those that a wide number is not needed for.
        let (mut value, mut at) = (0, 0);
        for byte in self.0.iter().take(9) {
            value |= u64::from(byte & 0x7f) << (7 * at);
            at += 1;
            if byte & 0x80 == 0 {
                self.0 = &self.0[at..];
                return Ok(value);
            }
        }
        self.varint(64).map(|value| value as u64)
    }

    pub(super) fn unsigned_32(&mut self) -> Result<u32, Cut> {
        u32::try_from(self.unsigned()?).map_err(|_| Cut)
    }

    pub(super) fn unsigned_16(&mut self) -> Result<u16, Cut> {
        u16::try_from(self.unsigned()?).map_err(|_| Cut)
    }

    pub(super) fn signed(&mut self) -> Result<i64, Cut> {
        let zigzag = self.unsigned()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    pub(super) fn signed_32(&mut self) -> Result<i32, Cut> {
        i32::try_from(self.signed()?).map_err(|_| Cut)
    }

    pub(super) fn signed_128(&mut self) -> Result<i128, Cut> {
        let before = self.0;
        if before.iter().take(9).any(|byte| byte & 0x80 == 0) {
            return self.signed().map(i128::from);
        }
        let zigzag = self.varint(128)?;
        Ok((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128))
    }

    pub(super) fn float(&mut self) -> Result<f64, Cut> {
        self.array().map(f64::from_le_bytes)
    }

    pub(super) fn length(&mut self) -> Result<usize, Cut> {
        // Whatever is counted takes a byte at least: no damaged length asks for more memory than the record has bytes.
        let length = self.unsigned()?;
        usize::try_from(length).ok().filter(|length| *length <= self.0.len()).ok_or(Cut)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Cut> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Cut)
    }

    /// So many numbers, to be read one after the other.
    pub(super) fn column(&mut self, length: usize) -> Result<Column<'a>, Cut> {
        let width = usize::from(self.byte()?);
        let size = length.checked_mul(width).filter(|size| width <= 8 && *size <= self.0.len()).ok_or(Cut)?;
        let column = Column {
            from: self.0,
            width,
            mask: u64::MAX.checked_shr(64 - 8 * width as u32).unwrap_or(0),
            left: length,
        };
        self.0 = &self.0[size..];
        Ok(column)
    }

    pub(super) fn optional<T, E: From<Cut>>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(super) fn list<T, E: From<Cut>>(&mut self, read: impl FnMut(&mut Self) -> Result<T, E>) -> Result<Vec<T>, E> {
        let mut list = Vec::new();
        self.list_over(&mut list, read)?;
        Ok(list)
    }

    /// A list in the place of another.
    pub(super) fn list_over<T, E: From<Cut>>(
        &mut self,
        list: &mut Vec<T>,
        mut read: impl FnMut(&mut Self) -> Result<T, E>,
    ) -> Result<(), E> {
        let length = self.length()?;
        make_room(list, length);
        for _ in 0..length {
            list.push(read(self)?);
        }
        Ok(())
    }
}

/// Empties a list that so many are read into. There is room for one more: most lists are read because there is one to be
/// added.
pub(super) fn make_room<T>(list: &mut Vec<T>, length: usize) {
    list.clear();
    list.reserve_exact(length + usize::from(length > 0));
}

/// The numbers of a column that are still to be read.
pub(super) struct Column<'a> {
    /// From the next of them on; there may be more than the column behind it.
    from: &'a [u8],
    width: usize,
    mask: u64,
    left: usize,
}

impl Iterator for Column<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        let eight = self.from.first_chunk().copied().unwrap_or_else(|| {
            let mut eight = [0; 8];
            eight[..self.from.len()].copy_from_slice(self.from);
            eight
        });
        self.from = &self.from[self.width..];
        Some(u64::from_le_bytes(eight) & self.mask)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Column<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_postcard<T: serde::Serialize>(value: &T) -> Vec<u8> {
        postcard::to_extend(value, Vec::new()).expect("a vector takes whatever is written to it")
    }

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut Writer(&mut bytes));
        bytes
    }

    #[test]
    fn numbers_are_written_and_read_as_postcard_does() {
        let edges = [0, 1, -1, 63, 64, -64, -65, 127, 128, 300, i64::from(i32::MAX), i64::MAX, i64::MIN, i64::MIN + 1];
        for value in edges {
            let bytes = written(|to| to.signed(value));
            assert_eq!(bytes, of_postcard(&value), "{value}");
            assert_eq!(Reader(&bytes).signed(), Ok(value));
            let unsigned = value as u64;
            let bytes = written(|to| to.unsigned(unsigned));
            assert_eq!(bytes, of_postcard(&unsigned), "{unsigned}");
            assert_eq!(Reader(&bytes).unsigned(), Ok(unsigned));
            for wide in [i128::from(value), i128::from(value) << 40, i128::MAX, i128::MIN] {
                let bytes = written(|to| to.signed_128(wide));
                assert_eq!(bytes, of_postcard(&wide), "{wide}");
                assert_eq!(Reader(&bytes).signed_128(), Ok(wide));
            }
        }
    }

    #[test]
    fn texts_lists_and_what_may_be_missing_are_written_and_read_as_postcard_does() {
        let value = (vec![("größe", 2.5f64), ("", -0.0)], Some(true), None::<u8>, [7u8, 8]);
        let bytes = written(|to| {
            to.list(value.0.iter(), |to, (text, number)| {
                to.text(text);
                to.bytes(&number.to_le_bytes());
            });
            to.optional(value.1, Writer::flag);
            to.optional(value.2, Writer::byte);
            to.bytes(&value.3);
        });
        assert_eq!(bytes, of_postcard(&value));
        let mut from = Reader(&bytes);
        assert_eq!(from.list(|from| Ok::<_, Cut>((from.text()?, from.float()?))), Ok(value.0));
        assert_eq!(from.optional(Reader::flag), Ok(Some(true)));
        assert_eq!(from.optional(Reader::byte), Ok(None));
        assert_eq!(from.array(), Ok([7, 8]));
        assert!(from.0.is_empty());
    }

    #[test]
    fn a_column_is_as_wide_as_its_greatest_number() {
        for (values, width) in [
            (vec![], 0),
            (vec![0, 0, 0], 0),
            (vec![1, 255], 1),
            (vec![0, 256], 2),
            (vec![1 << 40, 7], 6),
            (vec![u64::MAX, 0, 1], 8),
        ] {
            let bytes = written(|to| to.column(values.iter().copied()));
            assert_eq!(bytes.len(), 1 + width * values.len(), "{values:?}");
            let mut from = Reader(&bytes);
            assert_eq!(from.column(values.len()).map(Iterator::collect), Ok(values.clone()));
            assert!(from.0.is_empty());
            let followed = [&bytes[..], &[0xff; 9]].concat();
            assert_eq!(Reader(&followed).column(values.len()).map(Iterator::collect), Ok(values));
        }
        assert_eq!(Reader(&[2, 0, 0, 0]).column(2).map(Iterator::count), Err(Cut));
        assert_eq!(Reader(&[9, 0, 0, 0, 0, 0, 0, 0, 0, 0]).column(1).map(Iterator::count), Err(Cut));
        assert_eq!(Reader(&[8]).column(usize::MAX).map(Iterator::count), Err(Cut));
    }

    #[test]
    fn what_is_cut_or_too_large_is_refused() {
        assert_eq!(Reader(&[]).byte(), Err(Cut));
        assert_eq!(Reader(&[0x80]).unsigned(), Err(Cut));
        assert_eq!(Reader(&[0xff; 11]).unsigned(), Err(Cut));
        assert_eq!(Reader(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).unsigned(), Err(Cut));
        assert_eq!(Reader(&[0xff; 20]).signed_128(), Err(Cut));
        assert_eq!(Reader(&[0xff, 0xff, 0x04]).unsigned_16(), Err(Cut));
        assert_eq!(Reader(&[2]).flag(), Err(Cut));
        assert_eq!(Reader(&[3, b'a', b'b']).text(), Err(Cut));
        assert_eq!(Reader(&[1, 0xff]).text(), Err(Cut));
        assert_eq!(Reader(&[0xff, 0xff, 0xff, 0xff, 0x0f]).list(Reader::byte), Err(Cut));
    }
}
