//! The methods of a hub as connections see them: by name, without the hub's type.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap, sync::Arc};

use bytestring::ByteString;

use crate::{authorization::Policy, hub::Shape};

/// What a connection has to know of a method.
#[derive(Clone, Debug)]
pub(crate) struct MethodEntry {
    pub(crate) index: usize,
    pub(crate) name: Cow<'static, str>,
    /// The name again, as error texts have it: the declared one, however the client spells it.
    pub(crate) target: ByteString,
    pub(crate) shape: Shape,
    pub(crate) policy: Option<Arc<Policy>>,
}

/// The methods of a hub, found by their names without case.
#[derive(Debug, Default)]
pub(crate) struct MethodTable {
    /// In the order of [`by_length`]: to hash a name takes longer than to compare it to those of a hub's methods.
    exact: Vec<MethodEntry>,
    folded: HashMap<Box<str>, Box<str>>,
}

impl MethodTable {
    /// Adds a method; says whether the name was free.
    #[must_use]
    pub(crate) fn insert(&mut self, entry: MethodEntry) -> bool {
        let name: Box<str> = Box::from(&*entry.name);
        let free = self.folded.insert(fold(&name), name.clone()).is_none();
        match self.place_of(&name) {
            Ok(at) => self.exact[at] = entry,
            Err(at) => self.exact.insert(at, entry),
        }
        free
    }

    /// All methods, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &MethodEntry> {
        self.exact.iter()
    }

    /// The method a client means.
    pub(crate) fn find(&self, name: &str) -> Option<&MethodEntry> {
        // Most clients spell names as declared.
        self.spelled(name).or_else(|| self.spelled(self.folded.get(&fold(name))?))
    }

    fn spelled(&self, name: &str) -> Option<&MethodEntry> {
        self.exact.get(self.place_of(name).ok()?)
    }

    fn place_of(&self, name: &str) -> Result<usize, usize> {
        self.exact.binary_search_by(|entry| by_length(&entry.name, name))
    }
}

/// Shorter names first: most are told apart by their lengths.
fn by_length(name: &str, other: &str) -> Ordering {
    name.len().cmp(&other.len()).then_with(|| name.cmp(other))
}

/// A name without case, one character for one, as an ordinal comparison without case does it.
fn fold(name: &str) -> Box<str> {
    let upper = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(single), None) => single,
            _ => c,
        }
    };
    name.chars().map(upper).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&'static str]) -> (MethodTable, bool) {
        let mut table = MethodTable::default();
        let mut free = true;
        for (index, name) in names.iter().enumerate() {
            let bind =
                |_: crate::hub::ArgumentSource<'_>| Err(crate::ProtocolError::invalid_data("never bound"));
            let shape = Shape { bind, kinds: &[], streams: false };
            let target = ByteString::from_static(name);
            let entry = MethodEntry { index, name: Cow::Borrowed(name), target, shape, policy: None };
            free &= table.insert(entry);
        }
        (table, free)
    }

    #[test]
    fn names_are_found_without_case() {
        let (table, free) = table(&["SendMessage", "Grüße"]);
        assert!(free);
        for (name, index) in
            [("SendMessage", Some(0)), ("sendmessage", Some(0)), ("GRÜßE", Some(1)), ("Send", None)]
        {
            assert_eq!(table.find(name).map(|method| method.index), index, "{name}");
        }
    }

    #[test]
    fn a_name_is_free_once() {
        assert!(!table(&["Send", "SEND"]).1);
    }
}
