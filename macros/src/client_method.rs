//! One method a hub calls on its clients.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Attribute, FnArg, GenericArgument, Ident, LitStr, PatType, Path, PathArguments, ReturnType, Signature,
    TraitItemFn, Type, parse_quote, parse_quote_spanned,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::{
    errors::Errors,
    markers::{Markers, Place},
    method::{located_at, wire_name_of},
    signature,
};

/// What the implementation says of one method.
pub(crate) struct ClientMethod {
    /// The name clients listen to, at the place it comes from.
    pub(crate) name: LitStr,
    /// Its `#[cfg]`s.
    pub(crate) cfgs: Vec<Attribute>,
    /// With names for all arguments.
    signature: Signature,
    arguments: Vec<(Ident, Type)>,
    /// The type of the answer that is waited for, if one is.
    answer: Option<Type>,
}

impl ClientMethod {
    /// Reads a function of the trait and takes our attributes away; `None` if it cannot be made sense of.
    ///
    /// A method that asks gets a condition: that it is one client that is asked.
    pub(crate) fn read(function: &mut TraitItemFn, runtime: &Path, errors: &mut Errors) -> Option<Self> {
        let mut markers = Markers::take(&mut function.attrs, Place::ClientMethod, runtime, errors);
        let ident = &function.sig.ident;
        if TAKEN.iter().any(|taken| ident == taken) {
            errors.at(ident, format!("`{ident}` is what can be called already: use another name, {RENAME}"));
        }
        let name = markers.name.take().unwrap_or_else(|| wire_name_of(ident, errors));
        if let Some(body) = &function.default {
            errors.at(body, "the client does it: end with a `;`");
        }
        let typed = arguments(&function.sig, errors)?;
        let answer = match Wanted::of(&function.sig) {
            Some(Wanted::Nothing) => None,
            Some(Wanted::Answer(answer)) => {
                Borrows(errors).visit_type(answer);
                Some(answer.clone())
            }
            None => {
                match &function.sig.output {
                    ReturnType::Type(_, other) => errors.at(other, RESULTS),
                    ReturnType::Default => errors.at(&function.sig.ident, RESULTS),
                }
                return None;
            }
        };
        if answer.is_some() {
            let span = located_at(function.sig.output.span());
            let path = runtime.to_token_stream();
            let condition = quote_spanned!(span=> Self: #path::__private::OneClient);
            function.sig.generics.make_where_clause().predicates.push(parse_quote!(#condition));
        }
        let mut signature = function.sig.clone();
        let mut arguments = Vec::new();
        let parameters = signature.inputs.iter_mut().filter_map(|input| match input {
            FnArg::Typed(parameter) => Some(parameter),
            FnArg::Receiver(_) => None,
        });
        for (parameter, (number, argument)) in parameters.zip(typed.into_iter().enumerate()) {
            let name = format_ident!("argument_{number}");
            let span = located_at(argument.ty.span());
            parameter.pat = parse_quote_spanned!(span=> #name);
            arguments.push((Ident::new(&name.to_string(), span), *argument.ty));
        }
        Some(Self { name, cfgs: signature::cfgs(&function.attrs), signature, arguments, answer })
    }

    /// The method: it sends, or asks.
    pub(crate) fn implementation(&self, runtime: &Path) -> TokenStream {
        let Self { name, cfgs, signature, answer, .. } = self;
        let arguments = self.arguments.iter().map(|(name, written)| {
            let span = located_at(written.span());
            let path = runtime.to_token_stream();
            quote_spanned!(span=> #path::__private::client_argument(&#name))
        });
        let arguments = quote!((#(#arguments,)*));
        let body = match answer {
            None => quote!(#runtime::__private::AnyClients::send(self, #name, #arguments).await),
            Some(answer) => {
                let path = runtime.to_token_stream();
                quote_spanned! {located_at(answer.span())=>
                    #path::__private::OneClient::ask::<#answer, _>(self, #name, #arguments).await
                }
            }
        };
        quote! {
            #(#cfgs)*
            #signature { #body }
        }
    }
}

/// What becomes of a call, told by the result that is written.
enum Wanted<'a> {
    /// It is sent; nobody answers.
    Nothing,
    /// The client answers with such a value.
    Answer(&'a Type),
}

impl<'a> Wanted<'a> {
    fn of(signature: &'a Signature) -> Option<Self> {
        let ReturnType::Type(_, result) = &signature.output else { return None };
        let last = signature::last_segment(result)?;
        let PathArguments::AngleBracketed(generics) = &last.arguments else { return None };
        let types: Option<Vec<&'a Type>> = generics
            .args
            .iter()
            .map(|argument| match argument {
                GenericArgument::Type(argument) => Some(argument),
                _ => None,
            })
            .collect();
        let is_named = |written: &Type, name: &str| {
            signature::last_segment(written).is_some_and(|segment| segment.ident == name)
        };
        match types?.as_slice() {
            [answer] if last.ident == "HubResult" => Some(Self::Answer(answer)),
            [answer, error] if last.ident == "Result" && is_named(error, "HubError") => {
                Some(Self::Answer(answer))
            }
            [Type::Tuple(unit), error]
                if last.ident == "Result" && unit.elems.is_empty() && is_named(error, "SendError") =>
            {
                Some(Self::Nothing)
            }
            _ => None,
        }
    }
}

/// The arguments; `None` if it is no method at all.
fn arguments(signature: &Signature, errors: &mut Errors) -> Option<Vec<PatType>> {
    let Some(receiver) = signature.receiver() else {
        errors.at(&signature.ident, NO_RECEIVER);
        return None;
    };
    if !signature::is_shared(receiver) {
        errors.at(receiver, NO_RECEIVER);
    }
    if signature.asyncness.is_none() {
        errors.at(&signature.fn_token, "a method of a client is `async`");
    }
    if let syn::Safety::Unsafe(keyword) = &signature.safety {
        errors.at(keyword, "a method of a client is not `unsafe`");
    }
    let mut arguments = Vec::new();
    for input in &signature.inputs {
        if let FnArg::Typed(argument) = input {
            if let Some(attribute) = argument.attrs.first() {
                errors.at(attribute, "an argument has no attributes: write two methods");
            }
            arguments.push(argument.clone());
        }
    }
    if let Some(one_too_many) = arguments.get(MAX_ARGUMENTS) {
        errors.at(one_too_many, format!("a method of a client takes at most {MAX_ARGUMENTS} arguments"));
    }
    Some(arguments)
}

/// Looks for borrows in an answer, and for `impl Trait`.
struct Borrows<'a>(&'a mut Errors);

impl Visit<'_> for Borrows<'_> {
    fn visit_lifetime(&mut self, lifetime: &syn::Lifetime) {
        self.0.at(lifetime, BORROWED_ANSWER);
    }

    fn visit_type_reference(&mut self, reference: &syn::TypeReference) {
        self.0.at(reference, BORROWED_ANSWER);
    }

    fn visit_type_impl_trait(&mut self, unnamed: &syn::TypeImplTrait) {
        self.0.at(unnamed, "`impl Trait` does not say what to read: name a type");
        visit::visit_type_impl_trait(self, unnamed);
    }
}

/// What proxies have of their own: that would be called instead.
const TAKEN: [&str; 2] = ["send", "invoke"];

/// The longest tuple that serde writes.
const MAX_ARGUMENTS: usize = 16;

const RENAME: &str = "and `#[hub_method(name = \"...\")]` for what the client calls it";
const NO_RECEIVER: &str = "a method of a client takes `&self`";
const RESULTS: &str =
    "`Result<(), SendError>` sends and wants no answer, `HubResult<T>` asks for a `T`: write one of them";
const BORROWED_ANSWER: &str = "answers are owned: there is nothing to borrow from";
