//! What a null is answered with where a name or a list is needed.

use actix_signalr::HubError;

/// The value, or the error that names the parameter.
pub(crate) fn given<T>(value: Option<T>, parameter: &str) -> Result<T, HubError> {
    let text = || format!("Value cannot be null. (Parameter '{parameter}')");
    value.ok_or_else(|| HubError::internal("ArgumentNullException", text()))
}

/// The error where nobody has looked for a null.
pub(crate) fn no_object() -> HubError {
    HubError::internal("NullReferenceException", "Object reference not set to an instance of an object.")
}
