//! What is sent: letters and digits, with fields at the beginning by which every answer and delivery is checked.

/// A number of seven digits: all invocation ids are of one length.
pub(crate) type Digits = [u8; 7];

/// Text that no hub protocol has to escape.
pub(crate) fn filler(length: usize) -> Vec<u8> {
    (b'a'..=b'z').chain(b'0'..=b'9').cycle().take(length).collect()
}

/// A number below ten million as seven digits.
pub(crate) fn digits(mut number: u32) -> Digits {
    let mut digits = Digits::default();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    digits
}

/// The number that these seven digits are.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    let digits: &Digits = digits.try_into().ok()?;
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// The first id of a connection's invocations.
pub(crate) const FIRST_ID: u32 = 1_000_000;

/// The id after this one; they come round after nine million.
pub(crate) fn next_id(id: u32) -> u32 {
    if id >= 9_999_999 { FIRST_ID } else { id + 1 }
}

/// How long the fields of a delivered payload are.
pub(crate) const DELIVERY_LENGTH: usize = 32;

/// The fields of a payload that goes to many, in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Who has sent it.
    pub(crate) publisher: u8,
    /// Which place of the publisher's window it has.
    pub(crate) slot: u16,
    /// Which group or user it is for, below 2^24.
    pub(crate) target: u32,
    /// How many this publisher has sent to this target before.
    pub(crate) sequence: u32,
    /// When it was sent or, at a fixed rate, was due; below 2^48.
    pub(crate) time: u64,
}

impl Delivery {
    /// Writes the fields to the beginning of a payload.
    pub(crate) fn put(&self, payload: &mut [u8]) {
        let low = u128::from(self.sequence) << 48 | u128::from(self.time);
        let high = u128::from(self.publisher) << 40 | u128::from(self.slot) << 24 | u128::from(self.target);
        let mut rest = high << 80 | low;
        for digit in payload[..DELIVERY_LENGTH].iter_mut().rev() {
            *digit = b"0123456789abcdef"[(rest & 15) as usize];
            rest >>= 4;
        }
    }

    /// Reads the fields of a payload; `None` when it has none.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let high = hexadecimal(payload.get(..12)?)?;
        Some(Self {
            publisher: (high >> 40) as u8,
            slot: (high >> 24) as u16,
            target: (high & 0xff_ffff) as u32,
            sequence: hexadecimal(payload.get(12..20)?)? as u32,
            time: hexadecimal(payload.get(20..DELIVERY_LENGTH)?)?,
        })
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_their_digits() {
        for value in [0, 7, 1_000_000, 9_999_999] {
            assert_eq!(number(&digits(value)), Some(value));
        }
        assert_eq!(&digits(42), b"0000042");
        assert_eq!((number(b"12345x7"), number(b"123")), (None, None));
        assert_eq!((next_id(FIRST_ID), next_id(9_999_999)), (1_000_001, FIRST_ID));
    }

    #[test]
    fn fields_come_back_from_their_payload() {
        let most = Delivery {
            publisher: 200,
            slot: 65_535,
            target: 0xab_cdef,
            sequence: u32::MAX,
            time: (1 << 48) - 1,
        };
        let mut payload = filler(40);
        for delivery in [most, Delivery { publisher: 0, slot: 1, target: 2, sequence: 3, time: 4 }] {
            delivery.put(&mut payload);
            assert_eq!(Delivery::read(&payload), Some(delivery));
        }
        assert_eq!(Delivery::read(&payload[..31]), None);
        payload[13] = b'x';
        assert_eq!(Delivery::read(&payload), None);
    }

    #[test]
    fn fillers_are_letters_and_digits() {
        assert!(filler(5000).iter().all(u8::is_ascii_alphanumeric));
    }
}
