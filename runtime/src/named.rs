//! Choices that have names on the command line and in board profiles.

use strum::VariantArray;

use crate::error::{Error, Result};

/// The choice of a `kind` that is called `asked`.
///
/// # Errors
/// [`Error::Usage`] with the names there are.
pub(crate) fn by_name<T>(kind: &str, asked: &str) -> Result<T>
where
    T: VariantArray + Copy + Into<&'static str>,
{
    let unknown = || {
        let names: Vec<&str> = T::VARIANTS.iter().map(|choice| (*choice).into()).collect();
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        let others = others.join(", ");
        Error::Usage { what: format!("no {kind} is called {asked:?}: use {others} or {last}") }
    };
    let mut choices = T::VARIANTS.iter().copied();
    choices.find(|choice| asked == (*choice).into()).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use crate::network::opening::{NetworkPath, Precision};
    use crate::network::providers::Provider;
    use crate::play::deadline::Late;

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let refusals = [
            "x".parse::<Provider>().unwrap_err(),
            "x".parse::<NetworkPath>().unwrap_err(),
            "x".parse::<Precision>().unwrap_err(),
            "x".parse::<Late>().unwrap_err(),
        ];
        let sentences = [
            "no execution provider is called \"x\": use tensorrt, cuda or cpu",
            "no path of the network is called \"x\": use split or full",
            "no precision is called \"x\": use f32, f16 or int8",
            "no policy for late frames is called \"x\": use drop, repeat or degrade",
        ];
        for (refusal, sentence) in refusals.iter().zip(sentences) {
            assert!(refusal.to_string().contains(sentence), "{refusal}");
        }
        assert_eq!("int8".parse::<Precision>().unwrap(), Precision::Int8);
    }
}
