//! The arguments of a call, typed.

use std::{any::Any, fmt};

/// The arguments of a call as the method takes them, in the client's order.
pub struct BoundArguments {
    list: Box<dyn Arguments>,
    kinds: &'static [ArgumentKind],
}

/// Where an argument comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// From the client's list of arguments.
    Value,
    /// From a stream of the client's.
    Stream,
    /// From the server: the token that says when the client wants no more.
    Token,
}

impl BoundArguments {
    pub(crate) fn new(arguments: impl Arguments, kinds: &'static [ArgumentKind]) -> Self {
        Self { list: Box::new(arguments), kinds }
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
        self.list.at(self.place(index)?)?.downcast_ref()
    }

    /// The same argument, to be changed: by a filter, before the method has it.
    #[must_use]
    pub fn at_mut<T: 'static>(&mut self, index: usize) -> Option<&mut T> {
        let place = self.place(index)?;
        self.list.at_mut(place)?.downcast_mut()
    }

    fn place(&self, index: usize) -> Option<usize> {
        let values = self.kinds.iter().enumerate().filter(|(_, kind)| **kind == ArgumentKind::Value);
        values.map(|(place, _)| place).nth(index)
    }

    /// How many the client gave; streams and what the server adds do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.iter().filter(|kind| **kind == ArgumentKind::Value).count()
    }

    /// Whether the method takes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As the list the method takes.
    pub(crate) fn take<A: 'static>(self) -> Option<A> {
        self.list.into_any().downcast().ok().map(|arguments| *arguments)
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
    fn at_mut(&mut self, index: usize) -> Option<&mut dyn Any>;
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

macro_rules! arguments {
    ($($name:ident $index:tt)*) => {
        impl<$($name: Send + 'static),*> Arguments for ($($name,)*) {
            fn at(&self, index: usize) -> Option<&dyn Any> {
                match index {
                    $($index => Some(&self.$index),)*
                    _ => None,
                }
            }

            fn at_mut(&mut self, index: usize) -> Option<&mut dyn Any> {
                match index {
                    $($index => Some(&mut self.$index),)*
                    _ => None,
                }
            }

            fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
                self
            }
        }
    };
}

arguments!();
arguments!(A 0);
arguments!(A 0 B 1);
arguments!(A 0 B 1 C 2);
arguments!(A 0 B 1 C 2 D 3);
arguments!(A 0 B 1 C 2 D 3 E 4);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_found_by_place_and_type() {
        let arguments = BoundArguments::new(
            ("ann".to_owned(), (), 7),
            &[ArgumentKind::Value, ArgumentKind::Token, ArgumentKind::Value],
        );
        assert_eq!(arguments.at::<String>(0).map(String::as_str), Some("ann"));
        assert_eq!(arguments.at::<i32>(1), Some(&7));
        assert_eq!(arguments.at::<i32>(0), None);
        assert_eq!(arguments.at::<i32>(2), None);
        assert_eq!(arguments.take::<(String, (), i32)>(), Some(("ann".to_owned(), (), 7)));
    }
}
