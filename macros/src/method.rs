//! One method clients call.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Attribute, Ident, ImplItemFn, LitStr, PatType, Path, ReturnType, Type, ext::IdentExt, spanned::Spanned,
};

use crate::{
    errors::Errors,
    markers::{Markers, Place},
    signature,
};

/// What `describe` says about one method.
pub(crate) struct Method {
    /// The name clients use, at the place it comes from.
    pub(crate) name: LitStr,
    /// Its `#[cfg]`s.
    pub(crate) cfgs: Vec<Attribute>,
    ident: Ident,
    markers: Markers,
    arguments: Vec<PatType>,
    /// `None` if it cannot be named.
    result: Option<ReturnType>,
}

impl Method {
    /// Reads a function of the block and takes our attributes away.
    pub(crate) fn read(function: &mut ImplItemFn, runtime: &Path, errors: &mut Errors) -> Self {
        let mut markers = Markers::take(&mut function.attrs, Place::Method, runtime, errors);
        let ident = &function.sig.ident;
        let name = markers.name.take().unwrap_or_else(|| wire_name_of(ident, errors));
        let arguments = signature::arguments(&function.sig, errors).unwrap_or_default();
        signature::check_arguments(&arguments, errors);
        let has_named_result = signature::check_result(&function.sig, errors);
        Self {
            name,
            cfgs: signature::cfgs(&function.attrs),
            ident: ident.clone(),
            markers,
            arguments: arguments.into_iter().cloned().collect(),
            result: has_named_result.then(|| function.sig.output.clone()),
        }
    }

    /// `hub.method("Name", Self::name).authorize(..);`
    ///
    /// Located at the function's name, so that is where the compiler says that the function does not fit.
    pub(crate) fn registration(&self, runtime: &Path) -> TokenStream {
        let Self { name, cfgs, ident, markers, .. } = self;
        let authorize = markers.authorize.iter().map(|authorize| authorize.to_data(runtime));
        let allow_anonymous = markers.allow_anonymous.then(|| quote!(.allow_anonymous()));
        let hub = Ident::new("hub", Span::call_site());
        quote_spanned! {located_at(ident.span())=>
            #(#cfgs)*
            #hub.method(#name, Self::#ident) #(.authorize(#authorize))* #allow_anonymous;
        }
    }

    /// Calls that compile only if every argument can be read and the result written, each located at its type.
    pub(crate) fn checks(&self, runtime: &Path) -> TokenStream {
        let arguments = self.arguments.iter().map(|argument| {
            let cfgs = signature::cfgs(&argument.attrs);
            let check = check(runtime, "assert_argument", &argument.ty);
            quote!(#(#cfgs)* #check)
        });
        let result = self.result.as_ref().map(|result| match result {
            ReturnType::Type(_, written) => check(runtime, "assert_result", written),
            ReturnType::Default => {
                let unit: Type = syn::parse_quote_spanned!(located_at(self.ident.span())=> ());
                check(runtime, "assert_result", &unit)
            }
        });
        let cfgs = &self.cfgs;
        quote! { #(#cfgs)* { #(#arguments)* #result } }
    }
}

/// `runtime::__private::function::<written, _>();`
fn check(runtime: &Path, function: &str, written: &Type) -> TokenStream {
    let span = located_at(written.span());
    let function = Ident::new(function, span);
    // The runtime's path keeps its own span: if it is wrong, that is not the argument's fault.
    let path = runtime.to_token_stream();
    quote_spanned!(span=> #path::__private::#function::<#written, _>();)
}

/// The name on the wire of a method that is given none.
pub(crate) fn wire_name_of(ident: &Ident, errors: &mut Errors) -> LitStr {
    let name = wire_name(ident);
    if name.is_empty() {
        errors.at(ident, "no letter to make a name of: use `#[hub_method(name = \"...\")]`");
    }
    LitStr::new(&name, ident.span())
}

/// Clients and hubs understand names whatever case they are written in, so names must differ in more.
///
/// Methods under `#[cfg]` may exclude each other; theirs are left to the runtime.
pub(crate) fn refuse_equal_names<'a>(
    methods: impl Iterator<Item = (&'a LitStr, &'a [Attribute])>,
    errors: &mut Errors,
) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for (literal, _) in methods.filter(|(_, cfgs)| cfgs.is_empty()) {
        let name = literal.value();
        let folded = name.to_lowercase();
        match seen.iter().find(|(earlier, _)| *earlier == folded) {
            Some((_, earlier)) => errors.at(
                literal,
                format!("clients cannot tell `{name}` from the `{earlier}` above: case does not count"),
            ),
            None => seen.push((folded, name)),
        }
    }
}

/// Errors point at `span`, names mean what they mean in our own text.
pub(crate) fn located_at(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// `send_message` -> `SendMessage`: underscores go, the character after each is upper case.
fn wire_name(ident: &Ident) -> String {
    let mut name = String::new();
    for word in ident.unraw().to_string().split('_') {
        let mut characters = word.chars();
        name.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(characters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn name_of(ident: &str) -> String {
        wire_name(
            &syn::parse_str::<Ident>(ident).unwrap_or_else(|_| Ident::new_raw(ident, Span::call_site())),
        )
    }

    #[test]
    fn names_on_the_wire_are_in_pascal_case() {
        for (ident, expected) in [
            ("send", "Send"),
            ("send_message", "SendMessage"),
            ("send_message_to_user", "SendMessageToUser"),
            ("add2", "Add2"),
            ("add_2_numbers", "Add2Numbers"),
            ("v2_echo", "V2Echo"),
            ("_hidden", "Hidden"),
            ("__very__hidden__", "VeryHidden"),
            ("type_", "Type"),
            ("sendMessage", "SendMessage"),
            ("send_HTML", "SendHTML"),
            ("größe_ändern", "GrößeÄndern"),
            ("x", "X"),
            ("__", ""),
        ] {
            assert_eq!(name_of(ident), expected, "{ident}");
        }
    }

    #[test]
    fn a_raw_identifier_loses_its_prefix() {
        assert_eq!(wire_name(&Ident::new_raw("type", Span::call_site())), "Type");
        assert_eq!(wire_name(&Ident::new_raw("match", Span::call_site())), "Match");
    }

    #[test]
    fn a_method_is_registered_with_what_it_asks_for() {
        let mut function: ImplItemFn = parse_quote! {
            #[cfg(unix)]
            #[authorize("P")]
            #[authorize(roles = "A")]
            #[allow_anonymous]
            #[hub_method(name = "Exclude")]
            pub async fn ban_user(&self, ctx: HubCallerContext, user: String) -> HubResult { Ok(()) }
        };
        let mut errors = Errors::default();
        let runtime = parse_quote!(rt);
        let method = Method::read(&mut function, &runtime, &mut errors);

        assert!(errors.into_compile_error().is_none());
        assert_eq!(function.attrs.len(), 1);
        let expected = quote! {
            #[cfg(unix)]
            hub.method("Exclude", Self::ban_user)
                .authorize(rt::AuthorizeData::policy("P"))
                .authorize(rt::AuthorizeData::roles("A"))
                .allow_anonymous();
        };
        assert_eq!(method.registration(&runtime).to_string(), expected.to_string());
        let expected = quote! {
            #[cfg(unix)]
            {
                rt::__private::assert_argument::<String, _>();
                rt::__private::assert_result::<HubResult, _>();
            }
        };
        assert_eq!(method.checks(&runtime).to_string(), expected.to_string());
    }
}
