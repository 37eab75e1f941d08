//! Values there and back, in both protocols.

mod any_value;
mod strict;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::protocol::{
    Argument, HubProtocol, NamingPolicy,
    smoke::{self, Everything},
};

const JSON: HubProtocol = HubProtocol::Json;
const MESSAGE_PACK: HubProtocol = HubProtocol::MessagePack;

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    String::from_utf8(JSON.encode_payload(value).unwrap().0.to_vec()).unwrap()
}

fn from_json<T: DeserializeOwned>(text: &str) -> Option<T> {
    Argument::new(JSON, Bytes::copy_from_slice(text.as_bytes()), NamingPolicy::default(), "item").read().ok()
}

fn messagepack<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    MESSAGE_PACK.encode_payload(value).unwrap().0.to_vec()
}

fn from_messagepack<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    Argument::new(MESSAGE_PACK, Bytes::copy_from_slice(data), NamingPolicy::default(), "item").read().ok()
}

fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: &T,
    text: &str,
    data: &[u8],
) {
    assert_eq!(json(value), text);
    assert_eq!(from_json::<T>(text).as_ref(), Some(value), "{text}");
    assert_eq!(messagepack(value), data, "{text}");
    assert_eq!(from_messagepack::<T>(data).as_ref(), Some(value), "{text}");
}

#[test]
fn plain_values_go_there_and_back() {
    there_and_back(&true, "true", &[0xc3]);
    there_and_back(&false, "false", &[0xc2]);
    there_and_back(&(), "null", &[0xc0]);
    there_and_back(&None::<i32>, "null", &[0xc0]);
    there_and_back(&Some(5_u8), "5", &[5]);
    there_and_back(&1.5_f32, "1.5", &[0xca, 0x3f, 0xc0, 0, 0]);
    there_and_back(&-0.0_f64, "-0", &[0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    there_and_back(&'é', "\"é\"", &[0xa2, 0xc3, 0xa9]);
    there_and_back(&"x\n".to_owned(), "\"x\\n\"", &[0xa2, 0x78, 0x0a]);
    there_and_back(&Bytes::from_static(&[1, 2, 3]), "\"AQID\"", &[0xc4, 3, 1, 2, 3]);
    there_and_back(&Bytes::new(), "\"\"", &[0xc4, 0]);
    there_and_back(&vec![1_i64, -1], "[1,-1]", &[0x92, 1, 0xff]);
    there_and_back(&(1_u8, "a".to_owned(), None::<u8>), "[1,\"a\",null]", &[0x93, 1, 0xa1, 0x61, 0xc0]);
    there_and_back(&BTreeMap::from([(-1_i32, true)]), "{\"-1\":true}", &[0x81, 0xff, 0xc3]);
    there_and_back(
        &BTreeMap::from([('a', ()), ('b', ())]),
        "{\"a\":null,\"b\":null}",
        &[0x82, 0xa1, 0x61, 0xc0, 0xa1, 0x62, 0xc0],
    );
    there_and_back(&BTreeMap::from([("user_id".to_owned(), 1)]), "{\"user_id\":1}", b"\x81\xa7user_id\x01");
    there_and_back(&i128::from(i64::MIN), "-9223372036854775808", &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    assert!(MESSAGE_PACK.encode_payload(&u128::MAX).is_err());
    assert_eq!(from_json(&json(&u128::MAX)), Some(u128::MAX));
    assert_eq!(from_json(&json(&i128::MIN)), Some(i128::MIN));
}

#[test]
fn messagepack_integers_and_lengths_have_their_shortest_form() {
    for (value, data) in [
        (0, &[0][..]),
        (127, &[0x7f]),
        (128, &[0xcc, 0x80]),
        (255, &[0xcc, 0xff]),
        (256, &[0xcd, 1, 0]),
        (65_535, &[0xcd, 0xff, 0xff]),
        (65_536, &[0xce, 0, 1, 0, 0]),
        (4_294_967_295, &[0xce, 0xff, 0xff, 0xff, 0xff]),
        (4_294_967_296, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
        (i64::MAX, &[0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        (-1, &[0xff]),
        (-32, &[0xe0]),
        (-33, &[0xd0, 0xdf]),
        (-128, &[0xd0, 0x80]),
        (-129, &[0xd1, 0xff, 0x7f]),
        (-32_768, &[0xd1, 0x80, 0]),
        (-32_769, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
        (-2_147_483_648, &[0xd2, 0x80, 0, 0, 0]),
        (-2_147_483_649, &[0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
        (i64::MIN, &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        there_and_back(&value, &value.to_string(), data);
    }
    assert_eq!(messagepack(&u64::MAX), [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    for (length, head) in [
        (31, &[0xbf][..]),
        (32, &[0xd9, 32]),
        (255, &[0xd9, 255]),
        (256, &[0xda, 1, 0]),
        (65_535, &[0xda, 0xff, 0xff]),
        (65_536, &[0xdb, 0, 1, 0, 0]),
    ] {
        let data = messagepack(&"x".repeat(length));
        assert_eq!(data.strip_suffix("x".repeat(length).as_bytes()), Some(head));
    }
    for (length, head) in [
        (255, &[0xc4, 255][..]),
        (256, &[0xc5, 1, 0]),
        (65_535, &[0xc5, 0xff, 0xff]),
        (65_536, &[0xc6, 0, 1, 0, 0]),
    ] {
        let data = messagepack(&Bytes::from(vec![7; length]));
        assert_eq!(data.strip_suffix(&*vec![7; length]), Some(head));
    }
    for (length, array, map) in [
        (15, &[0x9f][..], &[0x8f][..]),
        (16, &[0xdc, 0, 16], &[0xde, 0, 16]),
        (65_535, &[0xdc, 0xff, 0xff], &[0xde, 0xff, 0xff]),
        (65_536, &[0xdd, 0, 1, 0, 0], &[0xdf, 0, 1, 0, 0]),
    ] {
        assert_eq!(&messagepack(&vec![(); length])[..array.len()], array);
        let pairs: BTreeMap<usize, ()> = (0..length).map(|key| (key, ())).collect();
        assert_eq!(&messagepack(&pairs)[..map.len()], map);
        // An iterator that does not know its length.
        assert_eq!(messagepack(&Unmeasured(length)), messagepack(&vec![(); length]));
    }
}

struct Unmeasured(usize);

impl Serialize for Unmeasured {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut list = serializer.serialize_seq(None)?;
        (0..self.0).try_for_each(|_| list.serialize_element(&()))?;
        list.end()
    }
}

#[test]
fn a_value_that_lies_about_its_length_is_not_written() {
    struct Liar;
    impl Serialize for Liar {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut list = serializer.serialize_seq(Some(2))?;
            list.serialize_element(&1)?;
            list.end()
        }
    }
    assert!(MESSAGE_PACK.encode_payload(&Liar).is_err());
}

fn full() -> Everything {
    Everything {
        id: 1,
        big: 9_007_199_254_740_993,
        ratio: 1.5,
        text: Some("t".into()),
        flag: true,
        bytes: Some(Bytes::from_static(&[1, 2, 3])),
        guid: "3f2504e0-4f89-11d3-9a0c-0305e82c3301".parse().unwrap(),
        numbers: Some(vec![1, 2]),
        child: None,
        map: Some(BTreeMap::from([("k_k".into(), Some("v".into()))])),
        maybe: Some(7),
        is_last: true,
    }
}

#[test]
fn a_struct_is_camel_case_in_json_and_pascal_case_in_messagepack() {
    let text = concat!(
        r#"{"id":1,"big":9007199254740993,"ratio":1.5,"text":"t","flag":true,"bytes":"AQID","#,
        r#""guid":"3f2504e0-4f89-11d3-9a0c-0305e82c3301","numbers":[1,2],"child":null,"map":{"k_k":"v"},"#,
        r#""maybe":7,"isLast":true}"#
    );
    let data = [
        &b"\x8c\xa2Id\x01\xa3Big\xcf\x00\x20\x00\x00\x00\x00\x00\x01\xa5Ratio\xcb\x3f\xf8\0\0\0\0\0\0\xa4Text\xa1t"[..],
        b"\xa4Flag\xc3\xa5Bytes\xc4\x03\x01\x02\x03\xa4Guid\xd9\x243f2504e0-4f89-11d3-9a0c-0305e82c3301",
        b"\xa7Numbers\x92\x01\x02\xa5Child\xc0\xa3Map\x81\xa3k_k\xa1v\xa5Maybe\x07\xa6IsLast\xc3",
    ]
    .concat();
    there_and_back(&full(), text, &data);
    let nested = Everything { child: Some(Box::new(full())), ..Everything::default() };
    assert_eq!(from_json::<Everything>(&json(&nested)), Some(nested.clone()));
    assert_eq!(from_messagepack::<Everything>(&messagepack(&nested)), Some(nested));
}

#[test]
fn names_stand_as_declared_where_that_is_the_policy() {
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct User {
        user_id: i32,
        #[serde(rename = "Name")]
        name: String,
    }
    let user = User { user_id: 1, name: "x".into() };
    for (protocol, expected) in
        [(JSON, &br#"{"user_id":1,"Name":"x"}"#[..]), (MESSAGE_PACK, b"\x82\xa7user_id\x01\xa4Name\xa1x")]
    {
        let written = protocol.encode_payload_with(&user, NamingPolicy::AsDeclared).unwrap().0;
        assert_eq!(&*written, expected);
        let argument = Argument::new(protocol, written, NamingPolicy::AsDeclared, "item");
        assert_eq!(argument.read::<User>().unwrap(), user);
    }
    assert_eq!(json(&user), r#"{"userId":1,"name":"x"}"#);
    assert_eq!(messagepack(&user), b"\x82\xa6UserId\x01\xa4Name\xa1x");
    assert!(from_messagepack::<User>(b"\x82\xa7user_id\x01\xa4Name\xa1x").is_none());
}

#[test]
fn enums_stand_by_their_names() {
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    enum Shape {
        Nothing,
        Circle(f64),
        Line(i32, i32),
        RoundedRectangle { corner_radius: u8 },
    }
    there_and_back(&Shape::Nothing, "\"Nothing\"", b"\xa7Nothing");
    there_and_back(&Shape::Circle(1.5), r#"{"Circle":1.5}"#, b"\x81\xa6Circle\xcb\x3f\xf8\0\0\0\0\0\0");
    there_and_back(&Shape::Line(1, 2), r#"{"Line":[1,2]}"#, b"\x81\xa4Line\x92\x01\x02");
    there_and_back(
        &Shape::RoundedRectangle { corner_radius: 3 },
        r#"{"RoundedRectangle":{"cornerRadius":3}}"#,
        b"\x81\xb0RoundedRectangle\x81\xacCornerRadius\x03",
    );
    there_and_back(&HashMap::from([(Key::UpperLeft, 1)]), r#"{"UpperLeft":1}"#, b"\x81\xa9UpperLeft\x01");
    for text in ["\"nothing\"", "\"NOTHING\"", r#"{"Nothing":null}"#] {
        assert_eq!(from_json(text), Some(Shape::Nothing), "{text}");
    }
    assert_eq!(
        from_json(r#"{"rounded_rectangle":{"CORNERRADIUS":3}}"#),
        Some(Shape::RoundedRectangle { corner_radius: 3 })
    );
    for text in [
        "0",
        "\"Square\"",
        "{}",
        "null",
        r#"{"Circle":1,"Line":[1,2]}"#,
        r#"{"Line":[1]}"#,
        r#"{"Line":[1,2,3]}"#,
    ] {
        assert_eq!(from_json::<Shape>(text), None, "{text}");
    }
    for data in [
        &b"\xa7nothing"[..],
        b"\x00",
        b"\x80",
        b"\x82\xa7Nothing\xc0\xa7Nothing\xc0",
        b"\xc0",
        b"\x81\xa4Line\x91\x01",
    ] {
        assert_eq!(from_messagepack::<Shape>(data), None, "{data:x?}");
    }
}

#[derive(Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
enum Key {
    UpperLeft,
}

#[test]
fn of_several_members_with_one_name_the_last_counts() {
    let id = |text| from_json::<Everything>(text).map(|read| (read.id, read.big));
    assert_eq!(id(r#"{"id":1,"big":5,"Id":2,"ID":3}"#), Some((3, 5)));
    assert_eq!(id(r#"{"id":1,"id":"x"}"#), None);
    let id = |data| from_messagepack::<Everything>(data).map(|read| (read.id, read.big));
    assert_eq!(id(b"\x83\xa2Id\x01\xa3Big\x05\xa2Id\x02"), Some((2, 5)));
    assert_eq!(id(b"\x82\xa2Id\x01\xa2Id\xa1x"), None);
}

#[test]
fn members_may_be_left_out_if_the_type_says_so() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Some {
        one: i32,
        two: Option<i32>,
        #[serde(default)]
        three: i32,
    }
    let some = |two| Option::Some(Some { one: 1, two, three: 0 });
    assert_eq!(from_json(r#"{"one":1}"#), some(None));
    assert_eq!(from_json(r#"{"one":1,"two":null}"#), some(None));
    assert_eq!(from_json::<Some>(r#"{"two":1}"#), None);
    assert_eq!(from_messagepack(b"\x82\xa3One\x01\xa3Two\x02"), some(Option::Some(2)));
    assert_eq!(from_messagepack::<Some>(b"\x81\xa3Two\x01"), None);
}

#[test]
fn a_type_that_takes_no_other_members_gets_none() {
    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Strict {
        id: i32,
    }
    assert_eq!(from_json(r#"{"ID":1}"#), Some(Strict { id: 1 }));
    assert_eq!(from_json::<Strict>(r#"{"id":1,"more":2}"#), None);
    assert_eq!(from_messagepack(b"\x81\xa2Id\x01"), Some(Strict { id: 1 }));
    assert_eq!(from_messagepack::<Strict>(b"\x82\xa2Id\x01\xa2id\x02"), None);
}

#[test]
fn nothing_is_set_aside_for_what_is_only_announced() {
    #[derive(Debug)]
    struct Announced(Option<usize>);
    impl<'de> Deserialize<'de> for Announced {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Announced;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("anything")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Announced, A::Error> {
                    let announced = list.size_hint();
                    while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                    Ok(Announced(announced))
                }
            }
            deserializer.deserialize_seq(Visitor)
        }
    }
    assert_eq!(from_messagepack::<Announced>(&messagepack(&vec![1; 100])).unwrap().0, None);
    assert_eq!(from_json::<Announced>("[1,2,3]").unwrap().0, None);
}

#[test]
fn what_serde_reads_by_itself_keeps_its_names() {
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Outer {
        first_id: i32,
        #[serde(flatten)]
        rest: BTreeMap<String, i32>,
    }
    let outer = Outer { first_id: 1, rest: BTreeMap::from([("x_y".into(), 2)]) };
    there_and_back(&outer, r#"{"first_id":1,"x_y":2}"#, b"\x82\xa8first_id\x01\xa3x_y\x02");
}

#[test]
fn json_has_no_infinity() {
    assert!(JSON.encode_payload(&f64::NAN).is_err());
    assert!(JSON.encode_payload(&[f32::INFINITY]).is_err());
    assert!(JSON.encode_payload(&HashMap::from([(vec![1], 1)])).is_err());
}

#[test]
fn a_uuid_is_text_in_both() {
    let id = Uuid::from_u128(0x3f25_04e0_4f89_11d3_9a0c_0305_e82c_3301);
    let text = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
    there_and_back(&id, &format!("\"{text}\""), &[&[0xd9, 36], text.as_bytes()].concat());
}

/// Valid records with bytes changed, left out and put in: the record or its arguments may be refused, and that is all.
#[test]
fn mutated_records_do_no_harm() {
    let seeds = [
        r#"{"type":1,"headers":{"a":"b"},"invocationId":"1","target":"Echo","arguments":[{"id":1,"text":"\u00e9","map":{"k":null}},[1.5e3]],"streamIds":["s"]}"#,
        r#"{"type":2,"invocationId":"1","item":{"bytes":"AQID","guid":"3f2504e0-4f89-11d3-9a0c-0305e82c3301","numbers":[1,-2]}}"#,
        r#"{"type":3,"invocationId":"1","result":["a\"b",true,{"x":{}}]}"#,
        r#"{"type":8,"sequenceId":300}"#,
        r#"{"protocol":"json","version":1}"#,
    ];
    smoke::mutate(&seeds.map(|seed| seed.as_bytes().to_vec()), |data| smoke::try_all(JSON, data));
}
