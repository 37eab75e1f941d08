//! What the signature of a function in a `#[hub]` block must look like.

use syn::{
    Attribute, FnArg, Lifetime, PatType, PathSegment, Receiver, ReceiverKind, ReturnType, Safety, Signature,
    Type, TypeImplTrait, TypeReference,
    visit::{self, Visit},
};

use crate::errors::Errors;

/// The parameters after the context; `None` if it is not where it should be.
///
/// Notes every mistake that is common to hub methods and to `on_connected`, `on_disconnected`.
pub(crate) fn arguments<'a>(signature: &'a Signature, errors: &mut Errors) -> Option<Vec<&'a PatType>> {
    let Some(receiver) = signature.receiver() else {
        // It is no method at all; what else is wrong does not matter yet.
        errors.at(&signature.ident, NO_RECEIVER);
        return None;
    };
    if signature.asyncness.is_none() {
        errors.at(&signature.fn_token, NOT_ASYNC);
    }
    if let Safety::Unsafe(keyword) = &signature.safety {
        errors.at(keyword, "a hub method is not `unsafe`: clients call it");
    }
    if !signature.generics.params.is_empty() {
        errors.at(&signature.generics, "a hub method has no generic parameters: clients do not say types");
    }
    if !is_shared(receiver) {
        errors.at(receiver, NOT_SHARED);
    }
    let mut parameters = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(parameter),
        FnArg::Receiver(_) => None,
    });
    let Some(context) = parameters.next() else {
        errors.at(&signature.ident, NO_CONTEXT);
        return None;
    };
    match context.ty.as_ref() {
        written if is_context(written) => Some(parameters.collect()),
        Type::Reference(reference) if is_context(&reference.elem) => {
            errors.at(reference, "the context is owned: use `HubCallerContext`");
            None
        }
        _ => {
            errors.at(context, NO_CONTEXT);
            None
        }
    }
}

/// Notes the arguments that can never be read, whatever the compiler says of their types.
pub(crate) fn check_arguments(arguments: &[&PatType], errors: &mut Errors) {
    for argument in arguments {
        Unreadable(errors).visit_type(&argument.ty);
    }
    if let Some(one_too_many) = arguments.get(MAX_ARGUMENTS) {
        errors.at(one_too_many, format!("a hub method takes at most {MAX_ARGUMENTS} arguments"));
    }
}

/// Notes what in the result borrows from the hub: it is written after the call is over.
///
/// Tells whether the result has a type that can be written down a second time.
pub(crate) fn check_result(signature: &Signature, errors: &mut Errors) -> bool {
    let mut search = Borrows { errors, has_unnamed: false };
    if let ReturnType::Type(_, result) = &signature.output {
        search.visit_type(result);
    }
    !search.has_unnamed
}

/// The `#[cfg]`s among `attributes`: what is written about an item vanishes with it.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

/// The name of a type without its path, and what stands in angle brackets behind it.
pub(crate) fn last_segment(written: &Type) -> Option<&PathSegment> {
    match written {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// `&self`, or `self: &Self`.
pub(crate) fn is_shared(receiver: &Receiver) -> bool {
    let (lifetime, mutability) = match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, mutability) => (lifetime, mutability),
        ReceiverKind::Typed(_, written) => match written.as_ref() {
            Type::Reference(reference) if is_self(&reference.elem) => {
                (&reference.lifetime, &reference.mutability)
            }
            _ => return false,
        },
        _ => return false,
    };
    mutability.is_none() && lifetime.as_ref().is_none_or(|lifetime| lifetime.ident == "_")
}

fn is_self(written: &Type) -> bool {
    matches!(written, Type::Path(path) if path.path.is_ident("Self"))
}

fn is_context(written: &Type) -> bool {
    last_segment(written).is_some_and(|last| last.ident == "HubCallerContext")
}

/// Looks for types no argument can have.
struct Unreadable<'a>(&'a mut Errors);

impl Visit<'_> for Unreadable<'_> {
    fn visit_type_reference(&mut self, reference: &TypeReference) {
        let owned = match reference.elem.as_ref() {
            Type::Path(path) if path.path.is_ident("str") => "arguments are owned: use `String`",
            Type::Slice(_) => "arguments are owned: use `Vec<_>`",
            _ => "arguments are owned: take the value, not a reference",
        };
        self.0.at(reference, owned);
    }

    fn visit_type_impl_trait(&mut self, unnamed: &TypeImplTrait) {
        self.0.at(unnamed, "`impl Trait` does not say what to read: name a type");
        visit::visit_type_impl_trait(self, unnamed);
    }
}

/// Looks for borrows in a result, and for `impl Trait`.
struct Borrows<'a> {
    errors: &'a mut Errors,
    has_unnamed: bool,
}

impl Visit<'_> for Borrows<'_> {
    fn visit_type_reference(&mut self, reference: &TypeReference) {
        match &reference.lifetime {
            Some(lifetime) if lifetime.ident == "static" => visit::visit_type_reference(self, reference),
            _ => self.errors.at(reference, BORROWED_RESULT),
        }
    }

    fn visit_lifetime(&mut self, lifetime: &Lifetime) {
        if lifetime.ident != "static" {
            self.errors.at(lifetime, BORROWED_RESULT);
        }
    }

    fn visit_type_impl_trait(&mut self, _: &TypeImplTrait) {
        self.has_unnamed = true;
    }
}

/// What `HubDescriptor::method` is implemented for.
const MAX_ARGUMENTS: usize = 12;

const NOT_ASYNC: &str = "a hub method is `async`; what clients do not call goes in a plain impl block";
const NOT_SHARED: &str = "a hub is shared by all connections: take `&self`";
const NO_RECEIVER: &str = "a hub method takes `&self`; what clients do not call goes in a plain impl block";
const NO_CONTEXT: &str = "the first parameter after `&self` is the `HubCallerContext`";
const BORROWED_RESULT: &str = "results are owned: return a value, not a borrow from the hub";
