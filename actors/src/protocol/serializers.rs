//! What serializers have in common.

/// Writes the methods of a [`serde::Serializer`] for the kinds of values it does not take, and the types that go with
/// them.
macro_rules! refuse {
    ($error:expr; $($kind:ident)*) => {
        type Error = crate::protocol::payload::PayloadError;
        type Ok = ();
        type SerializeMap = serde::ser::Impossible<(), Self::Error>;
        type SerializeSeq = serde::ser::Impossible<(), Self::Error>;
        type SerializeStruct = serde::ser::Impossible<(), Self::Error>;
        type SerializeStructVariant = serde::ser::Impossible<(), Self::Error>;
        type SerializeTuple = serde::ser::Impossible<(), Self::Error>;
        type SerializeTupleStruct = serde::ser::Impossible<(), Self::Error>;
        type SerializeTupleVariant = serde::ser::Impossible<(), Self::Error>;

        $(refuse!(@$kind $error);)*

        fn serialize_f32(self, _: f32) -> Result<(), Self::Error> {
            Err($error)
        }

        fn serialize_f64(self, _: f64) -> Result<(), Self::Error> {
            Err($error)
        }

        fn serialize_none(self) -> Result<(), Self::Error> {
            Err($error)
        }

        fn serialize_unit(self) -> Result<(), Self::Error> {
            Err($error)
        }

        fn serialize_unit_struct(self, _: &'static str) -> Result<(), Self::Error> {
            Err($error)
        }

        fn serialize_some<T: serde::Serialize + ?Sized>(self, value: &T) -> Result<(), Self::Error> {
            value.serialize(self)
        }

        fn serialize_newtype_struct<T: serde::Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<(), Self::Error> {
            value.serialize(self)
        }

        fn serialize_newtype_variant<T: serde::Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<(), Self::Error> {
            Err($error)
        }

        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Self::Error> {
            Err($error)
        }

        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Self::Error> {
            Err($error)
        }

        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, Self::Error> {
            Err($error)
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, Self::Error> {
            Err($error)
        }

        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Self::Error> {
            Err($error)
        }

        fn serialize_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStruct, Self::Error> {
            Err($error)
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, Self::Error> {
            Err($error)
        }
    };
    (@bytes $error:expr) => {
        fn serialize_bytes(self, _: &[u8]) -> Result<(), Self::Error> {
            Err($error)
        }
    };
    (@texts $error:expr) => {
        refuse!(@one $error, serialize_bool bool);
        refuse!(@one $error, serialize_i8 i8);
        refuse!(@one $error, serialize_i16 i16);
        refuse!(@one $error, serialize_i32 i32);
        refuse!(@one $error, serialize_i64 i64);
        refuse!(@one $error, serialize_u8 u8);
        refuse!(@one $error, serialize_u16 u16);
        refuse!(@one $error, serialize_u32 u32);
        refuse!(@one $error, serialize_u64 u64);
        refuse!(@one $error, serialize_char char);
        refuse!(@one $error, serialize_str &str);

        fn serialize_unit_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
        ) -> Result<(), Self::Error> {
            Err($error)
        }
    };
    (@one $error:expr, $name:ident $type:ty) => {
        fn $name(self, _: $type) -> Result<(), Self::Error> {
            Err($error)
        }
    };
}

/// Writes one of serde's traits for values with parts, for a type named `Compound`: each part is given to its method
/// `$part`, with its name where it has one.
macro_rules! compound {
    ($compound:ident, $method:ident($($name:ident)?), $part:ident) => {
        impl serde::ser::$compound for Compound<'_> {
            type Error = crate::protocol::payload::PayloadError;
            type Ok = ();

            fn $method<T: serde::Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), Self::Error> {
                self.$part($($name,)? value)
            }

            fn end(self) -> Result<(), Self::Error> {
                self.close()
            }
        }
    };
}

pub(super) use {compound, refuse};
