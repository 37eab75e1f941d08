//! The attributes that only mean something below `#[hub]`.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, LitStr, Meta, Path, Token, punctuated::Punctuated};

use crate::{
    arguments::{in_parentheses, named_texts},
    authorize::Authorize,
    errors::Errors,
};

/// What stood in front of the block or of one method.
#[derive(Default)]
pub(crate) struct Markers {
    pub(crate) authorize: Vec<Authorize>,
    pub(crate) allow_anonymous: bool,
    pub(crate) name: Option<LitStr>,
}

/// What the attributes stand on.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// The hub's `impl` block.
    Block,
    /// A method for clients.
    Method,
    /// Something in the block that clients do not call.
    Other,
    /// A `#[hub_client]` trait or what stands in it, methods apart.
    Client,
    /// A method of a `#[hub_client]` trait.
    ClientMethod,
}

impl Markers {
    /// Takes our attributes out of `attributes` and reads them.
    pub(crate) fn take(
        attributes: &mut Vec<Attribute>,
        place: Place,
        runtime: &Path,
        errors: &mut Errors,
    ) -> Self {
        let mut markers = Self::default();
        attributes.retain(|attribute| {
            if attribute.path().is_ident("cfg_attr") {
                return !is_refused_cfg_attr(attribute, runtime, errors);
            }
            let Some(name) = marker_name(attribute.path(), runtime) else {
                return true;
            };
            errors.keep(markers.add(name, attribute, place));
            false
        });
        markers
    }

    fn add(&mut self, name: &str, attribute: &Attribute, place: Place) -> syn::Result<()> {
        let refuse = |message: String| Err(syn::Error::new_spanned(attribute, message));
        match (name, place) {
            ("hub_method", Place::Block | Place::Other) => {
                refuse("`#[hub_method]` belongs on a method clients call".to_owned())
            }
            ("hub_method", Place::Client) => refuse("`#[hub_method]` belongs on a method".to_owned()),
            ("authorize" | "allow_anonymous", Place::Client | Place::ClientMethod) => {
                refuse(format!("`#[{name}]` says who may call a hub: a client is asked for nothing"))
            }
            (_, Place::Other) => {
                refuse(format!("`#[{name}]` belongs on the impl block or on a method clients call"))
            }
            ("authorize", _) => {
                let authorize = Authorize::from_attribute(attribute)?;
                if self.authorize.iter().any(|other| other.is_same_as(&authorize)) {
                    return refuse("the same `#[authorize]` stands here twice".to_owned());
                }
                self.authorize.push(authorize);
                Ok(())
            }
            ("allow_anonymous", _) => {
                if !matches!(attribute.meta, Meta::Path(_)) {
                    return refuse("`#[allow_anonymous]` takes no arguments".to_owned());
                }
                if self.allow_anonymous {
                    return refuse("`#[allow_anonymous]` stands here twice".to_owned());
                }
                self.allow_anonymous = true;
                Ok(())
            }
            _ if self.name.is_some() => refuse("a method has one name".to_owned()),
            _ => {
                self.name = Some(method_name(attribute)?);
                Ok(())
            }
        }
    }
}

/// The expansion of a marker that `#[hub]` did not take away: the item, and an error that says where it belongs.
pub(crate) fn misplaced(name: &str, item: TokenStream) -> TokenStream {
    let mut expanded = syn::Error::new(Span::call_site(), misplaced_message(name)).into_compile_error();
    expanded.extend(item);
    expanded
}

fn misplaced_message(name: &str) -> String {
    match name {
        "hub_method" => {
            format!("`#[{name}]` stands below `#[hub]` or `#[hub_client]`, on a method of its block or trait")
        }
        _ => format!("`#[{name}]` stands below `#[hub]`, on its impl block or on a method in it"),
    }
}

/// Reads `#[hub_method(name = "...")]`.
fn method_name(attribute: &Attribute) -> syn::Result<LitStr> {
    let pairs = in_parentheses(attribute, USAGE, |input| named_texts(input, &["name"], USAGE))?;
    match pairs.into_iter().flatten().next() {
        Some(pair) => Ok(pair.text),
        None => Err(syn::Error::new_spanned(attribute, USAGE)),
    }
}

/// Which of ours `path` is: written alone, or below the runtime's own path.
///
/// Any other path is somebody else's attribute, or meets [`misplaced`]: it is never dropped unread.
fn marker_name(path: &Path, runtime: &Path) -> Option<&'static str> {
    let last = path.segments.last()?;
    let name = MARKERS.into_iter().find(|marker| last.ident == marker)?;
    let prefix = path.segments.iter().take(path.segments.len() - 1).map(|segment| &segment.ident);
    let ours = path.segments.len() == 1 || prefix.eq(runtime.segments.iter().map(|segment| &segment.ident));
    ours.then_some(name)
}

/// Whether one of ours stands in a `cfg_attr`, which is resolved only after `#[hub]` has run, too late to be heard.
fn is_refused_cfg_attr(attribute: &Attribute, runtime: &Path, errors: &mut Errors) -> bool {
    let Ok(list) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
        return false;
    };
    let mut is_refused = false;
    for meta in list.iter().skip(1) {
        if let Some(name) = marker_name(meta.path(), runtime) {
            errors.at(
                meta,
                format!("`#[{name}]` cannot stand in `cfg_attr`: put `#[cfg]` on two methods or blocks"),
            );
            is_refused = true;
        }
    }
    is_refused
}

const MARKERS: [&str; 3] = ["authorize", "allow_anonymous", "hub_method"];
const USAGE: &str = "`#[hub_method]` takes `name = \"...\"`, nothing else";

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn take(mut attributes: Vec<Attribute>, place: Place) -> (Markers, usize, bool) {
        let mut errors = Errors::default();
        let markers = Markers::take(&mut attributes, place, &parse_quote!(::actix_signalr), &mut errors);
        (markers, attributes.len(), errors.into_compile_error().is_some())
    }

    #[test]
    fn only_our_attributes_are_taken_away() {
        let (markers, left, failed) = take(
            vec![
                parse_quote!(#[doc = "text"]),
                parse_quote!(#[authorize]),
                parse_quote!(#[actix_signalr::authorize("P")]),
                parse_quote!(#[elsewhere::authorize]),
                parse_quote!(#[allow_anonymous]),
                parse_quote!(#[hub_method(name = "Renamed")]),
            ],
            Place::Method,
        );
        assert_eq!((markers.authorize.len(), markers.allow_anonymous, left, failed), (2, true, 2, false));
        assert_eq!(markers.name.unwrap().value(), "Renamed");
    }

    #[test]
    fn a_marker_in_the_wrong_place_or_form_fails() {
        let wrong: [(Attribute, Place); 8] = [
            (parse_quote!(#[hub_method(name = "X")]), Place::Block),
            (parse_quote!(#[hub_method(name = "X")]), Place::Other),
            (parse_quote!(#[authorize]), Place::Other),
            (parse_quote!(#[allow_anonymous("X")]), Place::Block),
            (parse_quote!(#[hub_method]), Place::Method),
            (parse_quote!(#[hub_method()]), Place::Method),
            (parse_quote!(#[hub_method = "X"]), Place::Method),
            (parse_quote!(#[cfg_attr(test, authorize("P"))]), Place::Method),
        ];
        for (attribute, place) in wrong {
            assert!(take(vec![attribute], place).2);
        }
    }

    #[test]
    fn a_method_has_one_name() {
        let name: Attribute = parse_quote!(#[hub_method(name = "X")]);
        assert!(take(vec![name.clone(), name], Place::Method).2);
    }
}
