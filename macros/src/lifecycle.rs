//! The hooks, such as `on_connected`: in the block, but not for clients.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, ImplItemFn, Path, ReturnType, spanned::Spanned};

use crate::{errors::Errors, method::located_at, signature};

/// One of them, found in the block.
pub(crate) struct Lifecycle {
    event: Event,
    cfgs: Vec<Attribute>,
    /// Where its name stands: there the compiler says that it does not fit.
    span: Span,
    /// Where the type of the error it takes stands.
    error_span: Span,
    /// Where the type of its result stands.
    result_span: Span,
}

#[derive(Clone, Copy)]
enum Event {
    Connected,
    Disconnected,
    AuthenticationRefreshed,
}

impl Lifecycle {
    /// Reads `function`; `None` if it is a method for clients.
    pub(crate) fn read(function: &ImplItemFn, errors: &mut Errors) -> Option<Self> {
        let name = &function.sig.ident;
        let (event, more, usage) = if name == "on_connected" {
            (Event::Connected, 0, CONNECTED)
        } else if name == "on_disconnected" {
            (Event::Disconnected, 1, DISCONNECTED)
        } else if name == "on_authentication_refreshed" {
            (Event::AuthenticationRefreshed, 0, AUTHENTICATION_REFRESHED)
        } else {
            return None;
        };
        let mut error_span = name.span();
        if let Some(arguments) = signature::arguments(&function.sig, errors) {
            if let Some(error) = arguments.first() {
                error_span = error.ty.span();
            }
            match arguments.get(more) {
                Some(unexpected) => errors.at(unexpected, usage),
                None if arguments.len() < more => errors.at(name, usage),
                None => {}
            }
        }
        let result_span = match &function.sig.output {
            ReturnType::Type(_, result) => result.span(),
            ReturnType::Default => {
                errors.at(name, format!("`{name}` returns `HubResult`"));
                name.span()
            }
        };
        let [span, error_span, result_span] = [name.span(), error_span, result_span].map(located_at);
        Some(Self { event, cfgs: signature::cfgs(&function.attrs), span, error_span, result_span })
    }

    /// The trait's function, which calls the block's: a type's own functions come before its traits'.
    pub(crate) fn implementation(&self, runtime: &Path) -> TokenStream {
        let cfgs = &self.cfgs;
        let function = match self.event {
            Event::Connected => {
                let call = quote_spanned!(self.span=> Self::on_connected(self, ctx).await);
                let call = self.result(&call, runtime);
                quote! {
                    async fn on_connected(&self, ctx: #runtime::HubCallerContext) -> #runtime::HubResult { #call }
                }
            }
            Event::Disconnected => {
                let error = quote_spanned!(self.error_span=> error);
                let call = quote_spanned!(self.span=> Self::on_disconnected(self, ctx, #error).await);
                let call = self.result(&call, runtime);
                quote! {
                    async fn on_disconnected(
                        &self,
                        ctx: #runtime::HubCallerContext,
                        error: ::core::option::Option<#runtime::HubError>,
                    ) -> #runtime::HubResult { #call }
                }
            }
            Event::AuthenticationRefreshed => {
                let call = quote_spanned!(self.span=> Self::on_authentication_refreshed(self, ctx).await);
                let call = self.result(&call, runtime);
                quote! {
                    async fn on_authentication_refreshed(
                        &self,
                        ctx: #runtime::HubCallerContext,
                    ) -> #runtime::HubResult { #call }
                }
            }
        };
        quote!(#(#cfgs)* #function)
    }

    /// `let result = call; runtime::__private::hook_result(result)`, located at the type of the result.
    fn result(&self, call: &TokenStream, runtime: &Path) -> TokenStream {
        let result = quote_spanned!(self.result_span=> result);
        quote! {
            let #result = #call;
            #runtime::__private::hook_result(#result)
        }
    }
}

const CONNECTED: &str = "`on_connected` takes `&self` and the `HubCallerContext`, nothing else";
const DISCONNECTED: &str =
    "`on_disconnected` takes `&self`, the `HubCallerContext` and an `Option<HubError>`, nothing else";
const AUTHENTICATION_REFRESHED: &str =
    "`on_authentication_refreshed` takes `&self` and the `HubCallerContext`, nothing else";
