//! Reading `#[authorize]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, LitStr, Path, Token, parse::ParseStream};

use crate::arguments::{in_parentheses, named_texts, refuse_blank};

/// One `#[authorize]`: everything it asks for, all of it together.
#[derive(Default)]
pub(crate) struct Authorize {
    policy: Option<LitStr>,
    roles: Option<LitStr>,
    schemes: Option<LitStr>,
}

impl Authorize {
    /// Reads the attribute's arguments.
    pub(crate) fn from_attribute(attribute: &Attribute) -> syn::Result<Self> {
        Ok(in_parentheses(attribute, USAGE, Self::read)?.unwrap_or_default())
    }

    /// Whether it asks for the same as another one.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let texts =
            |one: &Self| [&one.policy, &one.roles, &one.schemes].map(|text| text.as_ref().map(LitStr::value));
        texts(self) == texts(other)
    }

    /// The `AuthorizeData` it stands for.
    pub(crate) fn to_data(&self, runtime: &Path) -> TokenStream {
        let data = quote!(#runtime::AuthorizeData);
        let mut data = match (&self.policy, &self.roles) {
            (Some(policy), Some(roles)) => quote!(#data::policy(#policy).with_roles(#roles)),
            (Some(policy), None) => quote!(#data::policy(#policy)),
            (None, Some(roles)) => quote!(#data::roles(#roles)),
            (None, None) => quote!(#data::authenticated()),
        };
        if let Some(schemes) = &self.schemes {
            data.extend(quote!(.with_schemes(#schemes)));
        }
        data
    }

    fn read(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut authorize = Self::default();
        if input.peek(LitStr) {
            let policy = input.parse()?;
            refuse_blank("policy", &policy)?;
            authorize.policy = Some(policy);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        for pair in named_texts(input, &["policy", "roles", "schemes"], USAGE)? {
            if pair.name == "roles" {
                authorize.roles = Some(pair.text);
            } else if pair.name == "schemes" {
                authorize.schemes = Some(pair.text);
            } else if authorize.policy.is_some() {
                return Err(syn::Error::new(pair.name.span(), TWO_POLICIES));
            } else {
                authorize.policy = Some(pair.text);
            }
        }
        Ok(authorize)
    }
}

const USAGE: &str =
    "`#[authorize]` takes a policy's name or `policy = \"...\"`, `roles = \"...\"`, `schemes = \"...\"`";
const TWO_POLICIES: &str = "the policy is given twice: for two policies write two `#[authorize]`";

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn data(attribute: &Attribute) -> Result<String, String> {
        let authorize = Authorize::from_attribute(attribute).map_err(|err| err.to_string())?;
        let data = authorize.to_data(&parse_quote!(rt)).to_string().replace(' ', "");
        Ok(data.trim_start_matches("rt::AuthorizeData::").to_owned())
    }

    #[test]
    fn every_form_becomes_its_data() {
        let forms: [(Attribute, &str); 11] = [
            (parse_quote!(#[authorize]), "authenticated()"),
            (parse_quote!(#[authorize()]), "authenticated()"),
            (parse_quote!(#[authorize("P")]), r#"policy("P")"#),
            (parse_quote!(#[authorize("P",)]), r#"policy("P")"#),
            (parse_quote!(#[authorize(policy = "P")]), r#"policy("P")"#),
            (parse_quote!(#[authorize(roles = "A,B")]), r#"roles("A,B")"#),
            (parse_quote!(#[authorize(schemes = "X")]), r#"authenticated().with_schemes("X")"#),
            (parse_quote!(#[authorize("P", roles = "A")]), r#"policy("P").with_roles("A")"#),
            (parse_quote!(#[authorize(roles = "A", policy = "P")]), r#"policy("P").with_roles("A")"#),
            (parse_quote!(#[authorize(schemes = "X", roles = "A")]), r#"roles("A").with_schemes("X")"#),
            (
                parse_quote!(#[authorize("P", schemes = "X", roles = "A")]),
                r#"policy("P").with_roles("A").with_schemes("X")"#,
            ),
        ];
        for (attribute, expected) in &forms {
            assert_eq!(data(attribute).unwrap(), *expected);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let mistakes: [(Attribute, &str); 9] = [
            (parse_quote!(#[authorize = "P"]), USAGE),
            (parse_quote!(#[authorize(Admin)]), USAGE),
            (parse_quote!(#[authorize(role = "A")]), USAGE),
            (parse_quote!(#[authorize("P", "Q")]), USAGE),
            (parse_quote!(#[authorize("P", policy = "Q")]), TWO_POLICIES),
            (parse_quote!(#[authorize(roles = "A", roles = "B")]), "`roles` is given twice"),
            (parse_quote!(#[authorize("")]), "`policy` is empty"),
            (parse_quote!(#[authorize(policy = " ")]), "`policy` is empty"),
            (parse_quote!(#[authorize(roles = " , ")]), "`roles` is empty"),
        ];
        for (attribute, expected) in &mistakes {
            assert_eq!(data(attribute).unwrap_err(), *expected);
        }
    }
}
