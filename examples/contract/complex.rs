//! A type with everything in it. Its members may be left out.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dictionary::Dictionary;

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Complex {
    id: i32,
    big: i64,
    ratio: f64,
    text: Option<String>,
    flag: bool,
    bytes: Option<Bytes>,
    guid: Uuid,
    numbers: Option<Vec<i32>>,
    child: Option<Box<Self>>,
    map: Option<Dictionary>,
    maybe: Option<i32>,
}
