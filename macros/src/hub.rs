//! `#[hub]` on an impl block.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, ImplItem, ImplItemFn, ItemImpl, Path, Token, Visibility,
    parse::{ParseStream, Parser},
};

use crate::{
    arguments::{default_runtime, runtime_path},
    errors::Errors,
    lifecycle::Lifecycle,
    markers::{Markers, Place},
    method::{Method, refuse_equal_names},
    signature,
};

/// The block, and the `Hub` it describes.
///
/// On mistakes: the block, an empty `Hub` so that nobody complains of its absence, and the mistakes.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut block = match parse_block.parse2(item.clone()) {
        Ok(block) => block,
        Err(err) => {
            let mut expanded = err.into_compile_error();
            expanded.extend(item);
            return expanded;
        }
    };
    let mut errors = Errors::default();
    let runtime = errors.keep((|input: ParseStream<'_>| runtime_path(input, USAGE)).parse2(arguments));
    let can_be_hub =
        runtime.is_some() && block.trait_.is_none() && block.generics.lifetimes().next().is_none();
    let runtime = runtime.unwrap_or_else(default_runtime);
    let hub = HubBlock::read(&mut block, &runtime, &mut errors);
    match errors.into_compile_error() {
        None => {
            let hub = hub.implementation(&block, &runtime);
            quote!(#block #hub)
        }
        Some(errors) => {
            let hub = can_be_hub.then(|| HubBlock::default().implementation(&block, &runtime));
            quote!(#block #hub #errors)
        }
    }
}

/// What was read from the block.
#[derive(Default)]
struct HubBlock {
    markers: Markers,
    methods: Vec<Method>,
    lifecycle: Vec<Lifecycle>,
}

impl HubBlock {
    /// Reads the block and takes our attributes away.
    fn read(block: &mut ItemImpl, runtime: &Path, errors: &mut Errors) -> Self {
        // What is wrong with a trait's functions is of no interest.
        let mut unheard = Errors::default();
        let errors = match &block.trait_ {
            Some((path, _)) => {
                errors.at(path, "`#[hub]` stands on the hub's own impl block, not on a trait's");
                &mut unheard
            }
            None => errors,
        };
        for lifetime in block.generics.lifetimes() {
            errors.at(lifetime, "a hub lives as long as its server: it has no lifetime parameters");
        }
        let markers = Markers::take(&mut block.attrs, Place::Block, runtime, errors);
        let mut hub = Self { markers, ..Self::default() };
        for item in &mut block.items {
            match item {
                ImplItem::Fn(function) => hub.add(function, runtime, errors),
                ImplItem::Const(item) => refuse_markers(&mut item.attrs, runtime, errors),
                ImplItem::Type(item) => refuse_markers(&mut item.attrs, runtime, errors),
                ImplItem::Macro(item) => refuse_markers(&mut item.attrs, runtime, errors),
                _ => {}
            }
        }
        refuse_equal_names(hub.methods.iter().map(|method| (&method.name, &*method.cfgs)), errors);
        hub
    }

    fn add(&mut self, function: &mut ImplItemFn, runtime: &Path, errors: &mut Errors) {
        match Lifecycle::read(function, errors) {
            Some(lifecycle) => {
                refuse_markers(&mut function.attrs, runtime, errors);
                self.lifecycle.push(lifecycle);
            }
            None => self.methods.push(Method::read(function, runtime, errors)),
        }
    }

    fn implementation(&self, block: &ItemImpl, runtime: &Path) -> TokenStream {
        let cfgs = signature::cfgs(&block.attrs);
        let (generics, _, bounds) = block.generics.split_for_impl();
        let hub_type = &block.self_ty;
        let authorize = self.markers.authorize.iter().map(|authorize| authorize.to_data(runtime));
        let allow_anonymous = self.markers.allow_anonymous.then(|| quote!(hub.allow_anonymous();));
        let registrations = self.methods.iter().map(|method| method.registration(runtime));
        let checks = self.methods.iter().map(|method| method.checks(runtime));
        let lifecycle = self.lifecycle.iter().map(|lifecycle| lifecycle.implementation(runtime));
        quote! {
            #(#cfgs)*
            #[automatically_derived]
            #[allow(deprecated)]
            impl #generics #runtime::Hub for #hub_type #bounds {
                fn describe(hub: &mut #runtime::HubDescriptor<Self>) {
                    // Never called; it only has to compile.
                    let _ = || { #(#checks)* };
                    let _ = &hub;
                    #(hub.authorize(#authorize);)*
                    #allow_anonymous
                    #(#registrations)*
                }
                #(#lifecycle)*
            }
        }
    }
}

/// Reads the item `#[hub]` stands on; points at its keyword if it is no impl block.
fn parse_block(input: ParseStream<'_>) -> syn::Result<ItemImpl> {
    let ahead = input.fork();
    Attribute::parse_outer(&ahead)?;
    ahead.parse::<Visibility>()?;
    if !ahead.peek(Token![impl]) {
        return Err(ahead.error("`#[hub]` stands on the hub's impl block"));
    }
    input.parse()
}

/// Our attributes say nothing about what clients do not call.
fn refuse_markers(attributes: &mut Vec<Attribute>, runtime: &Path, errors: &mut Errors) {
    Markers::take(attributes, Place::Other, runtime, errors);
}

const USAGE: &str = "`#[hub]` takes `crate = \"...\"`, nothing else";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_described_in_source_order() {
        let expanded = expand(
            quote!(crate = "rt"),
            quote! {
                #[authorize]
                #[cfg(unix)]
                impl<S: Store> ChatHub<S> {
                    const LIMIT: usize = 3;
                    async fn send(&self, ctx: HubCallerContext) -> HubResult { Ok(()) }
                    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult { Ok(()) }
                    #[authorize("P")]
                    pub async fn ban(&self, ctx: HubCallerContext, user: String) -> HubResult<u8> { Ok(1) }
                }
            },
        );
        let expected = quote! {
            #[cfg(unix)]
            impl<S: Store> ChatHub<S> {
                const LIMIT: usize = 3;
                async fn send(&self, ctx: HubCallerContext) -> HubResult { Ok(()) }
                async fn on_connected(&self, ctx: HubCallerContext) -> HubResult { Ok(()) }
                pub async fn ban(&self, ctx: HubCallerContext, user: String) -> HubResult<u8> { Ok(1) }
            }
            #[cfg(unix)]
            #[automatically_derived]
            #[allow(deprecated)]
            impl<S: Store> rt::Hub for ChatHub<S> {
                fn describe(hub: &mut rt::HubDescriptor<Self>) {
                    let _ = || {
                        { rt::__private::assert_result::<HubResult, _>(); }
                        {
                            rt::__private::assert_argument::<String, _>();
                            rt::__private::assert_result::<HubResult<u8>, _>();
                        }
                    };
                    let _ = &hub;
                    hub.authorize(rt::AuthorizeData::authenticated());
                    hub.method("Send", Self::send);
                    hub.method("Ban", Self::ban).authorize(rt::AuthorizeData::policy("P"));
                }
                async fn on_connected(&self, ctx: rt::HubCallerContext) -> rt::HubResult {
                    let result = Self::on_connected(self, ctx).await;
                    rt::__private::hook_result(result)
                }
            }
        };
        assert_eq!(expanded.to_string(), expected.to_string());
    }

    #[test]
    fn a_block_with_mistakes_still_is_a_hub_but_an_empty_one() {
        let expanded =
            expand(quote!(), quote!(impl ChatHub { fn send(&self, ctx: HubCallerContext) {} })).to_string();
        assert!(expanded.contains(":: actix_signalr :: Hub for ChatHub"));
        assert!(expanded.contains("compile_error"));
        assert!(!expanded.contains("hub . method"));
    }

    #[test]
    fn equal_names_are_refused_unless_one_is_conditional() {
        let expand = |first: TokenStream| {
            expand(
                quote!(),
                quote! {
                    impl ChatHub {
                        #first async fn send(&self, ctx: HubCallerContext) -> HubResult { Ok(()) }
                        #[hub_method(name = "SEND")]
                        async fn other(&self, ctx: HubCallerContext) -> HubResult { Ok(()) }
                    }
                },
            )
            .to_string()
        };
        assert!(expand(quote!()).contains("compile_error"));
        assert!(!expand(quote!(#[cfg(unix)])).contains("compile_error"));
    }
}
