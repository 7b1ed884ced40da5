//! Tensors that a session reads and writes in the host's memory, at fixed addresses.

use std::ffi::CStr;
use std::fmt;

use ort::memory::Allocator;
use ort::value::{PrimitiveTensorElementType, Shape, Tensor, TensorRefMut};

use super::graph::failed;
use crate::error::Result;

/// What a tensor is made of.
pub(super) trait Element:
    PrimitiveTensorElementType + fmt::Debug + Clone + Default + 'static
{
}

impl Element for f32 {}
impl Element for u8 {}

/// A tensor of as many pictures as a run may have; runs of fewer read or write its first ones.
#[derive(Debug)]
pub(super) struct TensorPort<T: Element = f32> {
    pub(super) name: &'static CStr,
    pub(super) shape: [usize; 4],
    memory: Tensor<T>,
    /// Its first picture, its first two, …: tensors over the same memory.
    firsts: Vec<TensorRefMut<'static, T>>,
}

impl<T: Element> TensorPort<T> {
    pub(super) fn new(name: &'static CStr, shape: [usize; 4]) -> Result<Self> {
        Self::over_zeros(name, shape).map_err(failed("a tensor"))
    }

    fn over_zeros(name: &'static CStr, shape: [usize; 4]) -> ort::Result<Self> {
        let mut memory = Tensor::new(&Allocator::default(), shape)?;
        memory.extract_tensor_mut().1.fill(T::default());
        let (address, pictures) = (memory.data_ptr_mut(), shape[0]);
        let first = |count: usize| {
            let [_, rest @ ..] = shape.map(|size| size as i64);
            let shape = Shape::from_iter([count as i64].into_iter().chain(rest));
            // SAFETY: `memory` stays at this address and lives as long as what is made over it here; `count` is at
            // most the pictures that it has.
            #[allow(
                unsafe_code,
                reason = "tensors over one memory have no safe form that outlives a function"
            )]
            unsafe {
                TensorRefMut::from_raw(memory.memory_info().to_owned(), address, shape)
            }
        };
        let firsts = (1..=pictures).map(first).collect::<ort::Result<_>>()?;
        Ok(Self { name, shape, memory, firsts })
    }

    /// Name and largest shape.
    pub(super) fn largest(&self) -> (&'static CStr, &[usize]) {
        (self.name, &self.shape)
    }

    /// The first `count` pictures.
    pub(super) fn first(&self, count: usize) -> &Tensor<T> {
        &self.firsts[count - 1]
    }

    /// All values, to be filled.
    pub(super) fn values_mut(&mut self) -> &mut [T] {
        self.memory.extract_tensor_mut().1
    }

    pub(super) fn values(&self) -> &[T] {
        self.memory.extract_tensor().1
    }
}
