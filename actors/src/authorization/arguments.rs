//! The arguments of a call, typed.

use std::{any::Any, fmt};

/// The arguments of a call as the method takes them, in the client's order.
pub struct BoundArguments(Box<dyn Arguments>);

impl BoundArguments {
    pub(crate) fn new(arguments: impl Arguments) -> Self {
        Self(Box::new(arguments))
    }

    /// An argument, counted from 0, if it is of this type.
    ///
    /// ```
    /// # use actix_signalr_actors::HubInvocation;
    /// fn named(call: &HubInvocation) -> Option<&str> {
    ///     call.arguments.at::<String>(0).map(String::as_str)
    /// }
    /// ```
    #[must_use]
    pub fn at<T: 'static>(&self, index: usize) -> Option<&T> {
        self.0.at(index)?.downcast_ref()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the method takes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As the list the method takes.
    pub(crate) fn take<A: 'static>(self) -> Option<A> {
        self.0.into_any().downcast().ok().map(|arguments| *arguments)
    }
}

impl fmt::Debug for BoundArguments {
    /// Never shows the arguments: they are the client's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} arguments", self.len())
    }
}

/// A list of arguments of known types: a tuple.
pub(crate) trait Arguments: Send + 'static {
    fn at(&self, index: usize) -> Option<&dyn Any>;
    fn len(&self) -> usize;
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

macro_rules! arguments {
    ($len:literal $($name:ident $index:tt)*) => {
        impl<$($name: Send + 'static),*> Arguments for ($($name,)*) {
            fn at(&self, index: usize) -> Option<&dyn Any> {
                match index {
                    $($index => Some(&self.$index),)*
                    _ => None,
                }
            }

            fn len(&self) -> usize {
                $len
            }

            fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
                self
            }
        }
    };
}

arguments!(0);
arguments!(1 A 0);
arguments!(2 A 0 B 1);
arguments!(3 A 0 B 1 C 2);
arguments!(4 A 0 B 1 C 2 D 3);
arguments!(5 A 0 B 1 C 2 D 3 E 4);
arguments!(6 A 0 B 1 C 2 D 3 E 4 F 5);
arguments!(7 A 0 B 1 C 2 D 3 E 4 F 5 G 6);
arguments!(8 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
arguments!(9 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
arguments!(10 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
arguments!(11 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
arguments!(12 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_found_by_place_and_type() {
        let arguments = BoundArguments::new(("ann".to_owned(), 7));
        assert_eq!(arguments.at::<String>(0).map(String::as_str), Some("ann"));
        assert_eq!(arguments.at::<i32>(1), Some(&7));
        assert_eq!(arguments.at::<i32>(0), None);
        assert_eq!(arguments.at::<i32>(2), None);
        assert_eq!(arguments.take::<(String, i32)>(), Some(("ann".to_owned(), 7)));
    }
}
