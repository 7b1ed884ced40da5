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
impl Element for i32 {}
impl Element for u8 {}

/// A tensor of as many pictures as a run may have, by its first dimension; runs of fewer read or write its first ones.
#[derive(Debug)]
pub(super) struct TensorPort<T: Element = f32, const RANK: usize = 4> {
    pub(super) name: &'static CStr,
    pub(super) shape: [usize; RANK],
    memory: Tensor<T>,
    /// Its first picture, its first two, …: tensors over the same memory.
    firsts: Vec<TensorRefMut<'static, T>>,
}

impl<T: Element, const RANK: usize> TensorPort<T, RANK> {
    pub(super) fn new(name: &'static CStr, shape: [usize; RANK]) -> Result<Self> {
        Self::over_zeros(name, shape).map_err(failed("a tensor"))
    }

    fn over_zeros(name: &'static CStr, shape: [usize; RANK]) -> ort::Result<Self> {
        let mut memory = Tensor::new(&Allocator::default(), shape)?;
        memory.extract_tensor_mut().1.fill(T::default());
        let (address, pictures) = (memory.data_ptr_mut(), shape[0]);
        let first = |count: usize| {
            let sizes = [count].into_iter().chain(shape.into_iter().skip(1));
            let shape = Shape::from_iter(sizes.map(|size| size as i64));
            #[allow(
                unsafe_code,
                reason = "tensors over one memory have no safe form that outlives a function"
            )]
            // SAFETY: `memory` stays at this address and lives as long as what is made over it here; `count` is at
            // most the pictures that it has.
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

    /// Bytes of the first `count` pictures.
    pub(super) fn bytes(&self, count: usize) -> u64 {
        (size_of_val(self.values()) / self.shape[0] * count) as u64
    }

    /// All values, to be filled.
    pub(super) fn values_mut(&mut self) -> &mut [T] {
        self.memory.extract_tensor_mut().1
    }

    pub(super) fn values(&self) -> &[T] {
        self.memory.extract_tensor().1
    }
}
