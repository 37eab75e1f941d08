//! What an application keeps with a connection.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
};

use parking_lot::Mutex;

/// Values an application keeps with a connection, one of a type, from its start to its end.
///
/// ```
/// # use actix_signalr_actors::Items;
/// #[derive(Default)]
/// struct Calls(u32);
///
/// # let items = Items::default();
/// let calls = items.with::<Calls, _>(|calls| {
///     calls.0 += 1;
///     calls.0
/// });
/// # assert_eq!(calls, 1);
/// ```
#[derive(Default)]
pub struct Items(Mutex<Option<Box<Values>>>);

/// Made for the first value: most connections have none.
type Values = HashMap<TypeId, Box<dyn Any + Send>>;

impl Items {
    /// Puts a value in; hands back the one of that type that was there.
    pub fn insert<T: Send + 'static>(&self, value: T) -> Option<T> {
        let before = self.0.lock().get_or_insert_default().insert(TypeId::of::<T>(), Box::new(value))?;
        before.downcast().ok().map(|before| *before)
    }

    /// A copy of the value of a type.
    #[must_use]
    pub fn get<T: Clone + Send + 'static>(&self) -> Option<T> {
        self.0.lock().as_ref()?.get(&TypeId::of::<T>())?.downcast_ref().cloned()
    }

    /// Takes the value of a type out.
    pub fn remove<T: Send + 'static>(&self) -> Option<T> {
        self.0.lock().as_mut()?.remove(&TypeId::of::<T>())?.downcast().ok().map(|value| *value)
    }

    /// Works on the value of a type, which begins as its default. The items are locked meanwhile.
    ///
    /// # Panics
    /// Never by itself: a value is always of the type it is filed under.
    #[allow(clippy::expect_used, reason = "values are filed under the id of their type")]
    pub fn with<T: Default + Send + 'static, R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        let mut items = self.0.lock();
        let value =
            items.get_or_insert_default().entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        act(value.downcast_mut().expect("the value is of the type it is filed under"))
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("len", &self.0.lock().as_ref().map_or(0, |values| values.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_value_of_a_type() {
        let items = Items::default();
        assert_eq!(items.insert(1_u8), None);
        assert_eq!(items.insert(2_u8), Some(1));
        assert_eq!((items.get::<u8>(), items.get::<u16>()), (Some(2), None));
        assert_eq!(items.with::<u8, _>(|value| std::mem::replace(value, 3)), 2);
        assert_eq!((items.remove::<u8>(), items.remove::<u8>()), (Some(3), None));
    }
}
