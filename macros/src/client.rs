//! `#[hub_client]` on a trait.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, ItemTrait, Path, Token, TraitItem, Visibility,
    parse::{ParseStream, Parser},
    parse_quote,
};

use crate::{
    arguments::{default_runtime, runtime_path},
    client_method::ClientMethod,
    errors::Errors,
    markers::{Markers, Place},
    method::refuse_equal_names,
    signature,
};

/// The trait, and its implementation for whatever can be sent to.
///
/// On mistakes: the trait, empty methods so that nobody complains of their absence, and the mistakes.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut client = match parse_trait.parse2(item.clone()) {
        Ok(client) => client,
        Err(err) => {
            let mut expanded = err.into_compile_error();
            expanded.extend(item);
            return expanded;
        }
    };
    let mut errors = Errors::default();
    let runtime = errors
        .keep((|input: ParseStream<'_>| runtime_path(input, USAGE)).parse2(arguments))
        .unwrap_or_else(default_runtime);
    refuse_more_than_a_list(&client, &mut errors);
    let methods = read(&mut client, &runtime, &mut errors);
    // The futures are known wherever a method is called, so nobody has to say that they are `Send`.
    client.attrs.push(parse_quote!(#[allow(async_fn_in_trait)]));
    match errors.into_compile_error() {
        None => {
            let methods: Vec<_> = methods.iter().map(|method| method.implementation(&runtime)).collect();
            let implementation = implementation(&client, &methods, &runtime);
            quote!(#client #implementation)
        }
        Some(errors) => {
            let implementation =
                empty_methods(&client).map(|methods| implementation(&client, &methods, &runtime));
            quote!(#client #implementation #errors)
        }
    }
}

/// Reads the methods, takes our attributes away, and lets those that ask be called on one client only.
fn read(client: &mut ItemTrait, runtime: &Path, errors: &mut Errors) -> Vec<ClientMethod> {
    Markers::take(&mut client.attrs, Place::Client, runtime, errors);
    let mut methods = Vec::new();
    for item in &mut client.items {
        match item {
            TraitItem::Fn(function) => methods.extend(ClientMethod::read(function, runtime, errors)),
            other => errors.at(other, "a hub client has methods, nothing else"),
        }
    }
    refuse_equal_names(methods.iter().map(|method| (&method.name, &*method.cfgs)), errors);
    methods
}

/// Notes what says more of the trait than its methods.
fn refuse_more_than_a_list(client: &ItemTrait, errors: &mut Errors) {
    let is_generic = !client.generics.params.is_empty();
    let more: [(bool, &dyn ToTokens, &str); 4] = [
        (client.unsafety.is_some(), &client.unsafety, "a hub client is not `unsafe`"),
        (is_generic, &client.generics, "a hub client has no generic parameters"),
        (!client.supertraits.is_empty(), &client.supertraits, "a hub client has no supertraits"),
        (
            client.generics.where_clause.is_some(),
            &client.generics.where_clause,
            "a hub client has no conditions",
        ),
    ];
    for (_, tokens, message) in more.into_iter().filter(|(is_there, ..)| *is_there) {
        errors.at(tokens, message);
    }
}

/// The methods without what they do; `None` if they would not be all there is to implement.
fn empty_methods(client: &ItemTrait) -> Option<Vec<TokenStream>> {
    if !client.generics.params.is_empty() || !client.supertraits.is_empty() || client.unsafety.is_some() {
        return None;
    }
    let empty = |item: &TraitItem| match item {
        TraitItem::Fn(function) => {
            let (cfgs, signature) = (signature::cfgs(&function.attrs), &function.sig);
            Some(quote!(#(#cfgs)* #[allow(unused)] #signature { ::core::unreachable!() }))
        }
        _ => None,
    };
    client.items.iter().map(empty).collect()
}

fn implementation(client: &ItemTrait, methods: &[TokenStream], runtime: &Path) -> TokenStream {
    let cfgs = signature::cfgs(&client.attrs);
    let name = &client.ident;
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        #[allow(deprecated)]
        impl<__Clients: #runtime::__private::AnyClients> #name for __Clients {
            #(#methods)*
        }
    }
}

/// Reads the item `#[hub_client]` stands on; points at its keyword if it is no trait.
fn parse_trait(input: ParseStream<'_>) -> syn::Result<ItemTrait> {
    let ahead = input.fork();
    Attribute::parse_outer(&ahead)?;
    ahead.parse::<Visibility>()?;
    if !ahead.peek(Token![trait]) && !ahead.peek(Token![unsafe]) {
        return Err(ahead.error("`#[hub_client]` stands on a trait with the methods of a client"));
    }
    input.parse()
}

const USAGE: &str = "`#[hub_client]` takes `crate = \"...\"`, nothing else";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trait_stays_and_is_implemented_for_the_proxies() {
        let expanded = expand(
            quote!(crate = "rt"),
            quote! {
                /// What clients hear.
                #[cfg(unix)]
                pub trait ChatClient {
                    /// Somebody said something.
                    async fn receive_message(&self, name: &str, text: String) -> Result<(), SendError>;
                    #[hub_method(name = "ok?")]
                    #[cfg(unix)]
                    async fn confirm(&self, _: u8) -> HubResult<bool>;
                }
            },
        );
        let expected = quote! {
            /// What clients hear.
            #[cfg(unix)]
            #[allow(async_fn_in_trait)]
            pub trait ChatClient {
                /// Somebody said something.
                async fn receive_message(&self, name: &str, text: String) -> Result<(), SendError>;
                #[cfg(unix)]
                async fn confirm(&self, _: u8) -> HubResult<bool>
                where
                    Self: rt::__private::OneClient;
            }
            #[cfg(unix)]
            #[automatically_derived]
            #[allow(deprecated)]
            impl<__Clients: rt::__private::AnyClients> ChatClient for __Clients {
                async fn receive_message(&self, argument_0: &str, argument_1: String) -> Result<(), SendError> {
                    rt::__private::AnyClients::send(
                        self,
                        "ReceiveMessage",
                        (
                            rt::__private::client_argument(&argument_0),
                            rt::__private::client_argument(&argument_1),
                        )
                    )
                    .await
                }
                #[cfg(unix)]
                async fn confirm(&self, argument_0: u8) -> HubResult<bool>
                where
                    Self: rt::__private::OneClient
                {
                    rt::__private::OneClient::ask::<bool, _>(
                        self,
                        "ok?",
                        (rt::__private::client_argument(&argument_0),)
                    )
                    .await
                }
            }
        };
        let tidy = |tokens: TokenStream| tokens.to_string().replace(", )", ")").replace(",)", ")");
        assert_eq!(tidy(expanded), tidy(expected));
    }

    #[test]
    fn a_trait_with_mistakes_still_can_be_called() {
        let expanded = expand(
            quote!(),
            quote!(
                trait ChatClient {
                    async fn send(&self) -> Result<(), SendError>;
                }
            ),
        )
        .to_string();
        assert!(expanded.contains("ChatClient for __Clients"));
        assert!(expanded.contains("compile_error"));
        assert!(!expanded.contains("client_argument"));
    }
}
