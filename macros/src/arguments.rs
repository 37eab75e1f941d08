//! Attribute arguments of the form `name = "text"`.

use syn::{Attribute, Ident, LitStr, Meta, Path, Token, ext::IdentExt, parse::ParseStream, parse_quote};

/// One `name = "text"`.
pub(crate) struct NamedText {
    pub(crate) name: Ident,
    pub(crate) text: LitStr,
}

/// Reads `name = "text", ...` to the end of `input`.
///
/// A name that is not in `accepted`, comes twice or has a blank text is an error; `usage` says what is taken instead.
pub(crate) fn named_texts(
    input: ParseStream<'_>,
    accepted: &[&str],
    usage: &str,
) -> syn::Result<Vec<NamedText>> {
    let mut read: Vec<NamedText> = Vec::new();
    while !input.is_empty() {
        let Ok(name) = input.call(Ident::parse_any) else {
            return Err(input.error(usage));
        };
        if !accepted.iter().any(|accepted| name == accepted) {
            return Err(syn::Error::new(name.span(), usage));
        }
        if read.iter().any(|earlier| earlier.name == name) {
            return Err(syn::Error::new(name.span(), format!("`{name}` is given twice")));
        }
        if input.parse::<Token![=]>().is_err() {
            return Err(syn::Error::new(name.span(), usage));
        }
        if !input.peek(LitStr) {
            return Err(input.error(format!("`{name}` takes a string: `{name} = \"...\"`")));
        }
        let text = input.parse()?;
        refuse_blank(&name.to_string(), &text)?;
        read.push(NamedText { name, text });
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(read)
}

/// An error if `text` says nothing: an empty requirement would silently ask for nothing.
pub(crate) fn refuse_blank(name: &str, text: &LitStr) -> syn::Result<()> {
    match text.value().split(',').all(|part| part.trim().is_empty()) {
        true => Err(syn::Error::new(text.span(), format!("`{name}` is empty"))),
        false => Ok(()),
    }
}

/// Reads what stands in the parentheses of `attribute`; `None` if it has none.
pub(crate) fn in_parentheses<T>(
    attribute: &Attribute,
    usage: &str,
    read: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<Option<T>> {
    match &attribute.meta {
        Meta::Path(_) => Ok(None),
        Meta::List(list) => list.parse_args_with(read).map(Some),
        Meta::NameValue(pair) => Err(syn::Error::new_spanned(pair, usage)),
    }
}

/// Reads `crate = "some::path"`, the one argument of `#[hub]` and `#[hub_client]`.
pub(crate) fn runtime_path(input: ParseStream<'_>, usage: &str) -> syn::Result<Path> {
    match named_texts(input, &["crate"], usage)?.first() {
        Some(pair) => pair
            .text
            .parse_with(Path::parse_mod_style)
            .map_err(|err| syn::Error::new(err.span(), "`crate` is a path: `crate = \"some::path\"`")),
        None => Ok(default_runtime()),
    }
}

/// The public crate.
pub(crate) fn default_runtime() -> Path {
    parse_quote!(::actix_signalr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse::Parser;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let parser = |input: ParseStream<'_>| named_texts(input, &["name", "crate"], "takes `name`");
        match parser.parse_str(text) {
            Ok(read) => Ok(read.into_iter().map(|pair| (pair.name.to_string(), pair.text.value())).collect()),
            Err(err) => Err(err.to_string()),
        }
    }

    #[test]
    fn pairs_are_read_in_order_and_keywords_are_names() {
        let pairs = read(r#"crate = "a::b", name = "c","#).unwrap();
        assert_eq!(pairs, [("crate".into(), "a::b".into()), ("name".into(), "c".into())]);
    }

    #[test]
    fn anything_but_a_pair_is_answered_with_the_usage() {
        for text in [r#""renamed""#, "42", "name", r#"name("x")"#, r#"title = "x""#] {
            assert_eq!(read(text).unwrap_err(), "takes `name`", "{text}");
        }
    }

    #[test]
    fn a_name_comes_once_and_with_a_text() {
        assert_eq!(read(r#"name = "a", name = "b""#).unwrap_err(), "`name` is given twice");
        assert_eq!(read("name = 1").unwrap_err(), "`name` takes a string: `name = \"...\"`");
        for blank in [r#"name = """#, r#"name = " ""#, r#"name = " , ""#] {
            assert_eq!(read(blank).unwrap_err(), "`name` is empty", "{blank}");
        }
    }

    #[test]
    fn the_runtime_is_the_public_crate_unless_told_otherwise() {
        let path_of = |text: &str| {
            let parser = |input: ParseStream<'_>| runtime_path(input, "takes `crate`");
            match parser.parse_str(text) {
                Ok(path) => Ok(quote::quote!(#path).to_string().replace(' ', "")),
                Err(err) => Err(err.to_string()),
            }
        };
        assert_eq!(path_of("").unwrap(), "::actix_signalr");
        assert_eq!(path_of(r#"crate = "actix_signalr_actors""#).unwrap(), "actix_signalr_actors");
        assert_eq!(path_of(r#"crate = "crate::inner""#).unwrap(), "crate::inner");
        assert_eq!(path_of(r#"path = "x""#).unwrap_err(), "takes `crate`");
        assert!(path_of(r#"crate = "not a path""#).is_err());
    }
}
