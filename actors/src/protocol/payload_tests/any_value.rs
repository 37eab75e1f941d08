//! Values of any kind.

use std::collections::HashMap;

use serde::Deserialize;

use super::{JSON, from_json, from_messagepack, json, messagepack};
use crate::protocol::{AnyValue, smoke::Everything};

#[test]
fn json_keeps_any_value_as_it_came() {
    let again = |text: &str| from_json::<AnyValue>(text).map(|value| json(&value));
    for (text, expected) in [
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("1e400", "1e400"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (r#"{ "b" : [ 1 , 2 ], "a": null, "a": 1 }"#, r#"{"b":[1,2],"a":null,"a":1}"#),
        (r#""\u0041\/\u00e9<&\u001f""#, r#""A/é<&\u001F""#),
    ] {
        assert_eq!(again(text).as_deref(), Some(expected));
    }
    assert_eq!(again(r#"{"a":"\ud800"}"#), None);
    let list = from_json::<Vec<AnyValue>>("[1.0,[ ]]").unwrap();
    assert_eq!(json(&list), "[1.0,[]]");
    assert_eq!(
        json(&from_json::<HashMap<String, AnyValue>>(r#"{"a" : {"b" :1.0}}"#).unwrap()),
        r#"{"a":{"b":1.0}}"#
    );
    assert_eq!(from_json::<Option<AnyValue>>("null"), Some(None));
}

#[test]
fn any_value_is_translated_into_the_other_protocol() {
    for (text, data) in [
        (
            r#"{"a":[1,-1,1.5,"x",null,true]}"#,
            &b"\x81\xa1a\x96\x01\xff\xcb\x3f\xf8\0\0\0\0\0\0\xa1x\xc0\xc3"[..],
        ),
        ("\"AQID\"", b"\xa4AQID"),
        ("18446744073709551615", &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ] {
        assert_eq!(messagepack(&from_json::<AnyValue>(text).unwrap()), data);
        assert_eq!(json(&from_messagepack::<AnyValue>(data).unwrap()), text);
    }
    assert_eq!(json(&from_messagepack::<AnyValue>(&[0xc4, 3, 1, 2, 3]).unwrap()), "\"AQID\"");
    assert_eq!(json(&from_messagepack::<AnyValue>(&[0x81, 1, 2]).unwrap()), "{\"1\":2}");
    let timestamp = from_messagepack::<AnyValue>(&[0xd6, 0xff, 0, 0, 0, 1]).unwrap();
    assert!(JSON.encode_payload(&timestamp).is_err());
    // Deeper than JSON, or a type, can be.
    let deep: Vec<u8> = std::iter::repeat_n(0x91, 500).chain([0xc0]).collect();
    assert!(JSON.encode_payload(&from_messagepack::<AnyValue>(&deep).unwrap()).is_err());
}

#[test]
fn any_value_is_read_later_and_goes_through_other_formats() {
    let value = from_json::<AnyValue>(r#"{"id":1,"isLast":true}"#).unwrap();
    assert_eq!(value.read::<Everything>().unwrap().id, 1);
    assert!(value.read::<String>().is_err());
    assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"id":1,"isLast":true}"#);
    let value: AnyValue = serde_json::from_str(r#"[1,{"a":null}]"#).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), r#"[1,{"a":null}]"#);
    assert_eq!(json(&value), r#"[1,{"a":null}]"#);

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i32),
        Other(AnyValue),
    }
    assert!(matches!(from_json("1"), Some(Either::Number(1))));
    assert!(
        matches!(from_json(r#"{"a":[1]}"#), Some(Either::Other(value)) if json(&value) == r#"{"a":[1]}"#)
    );
    assert!(matches!(from_messagepack(&[0xa0]), Some(Either::Other(value)) if messagepack(&value) == [0xa0]));
}
