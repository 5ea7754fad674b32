// Fills the table of one instruction set from its vector types F32, I32, I16, U8 and U64.
#pragma once

#include "kernels/backward-inl.hpp"
#include "kernels/block-inl.hpp"
#include "kernels/fwht-inl.hpp"
#include "kernels/head-inl.hpp"
#include "kernels/integer-inl.hpp"
#include "kernels/lanes-inl.hpp"
#include "kernels/linear-inl.hpp"
#include "kernels/lookup-inl.hpp"
#include "kernels/masked_add-inl.hpp"
#include "kernels/pool-inl.hpp"
#include "kernels/recur-inl.hpp"
#include "kernels/training-inl.hpp"
#include "kernels/xnor-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

const KernelTable table = {
    Isa::HADAMRNN_ISA,
    transform_many<F32>,
    scalar::transform_f64,
    transform_many<I32>,
    recur<F32>,
    scalar::recur_f64,
    recur_back<F32>,
    scalar::recur_back_f64,
    powers_back<F32>,
    scalar::powers_back_f64,
    back_rows<F32>,
    accumulate<F32>,
    scatter_rows<F32>,
    outer<F32>,
    logits<F32>,
    readout_back<F32>,
    softmax<F32>,
    lanes_of<F32>,
    recur_lanes<F32>,
    update<F32>,
    project<F32>,
    readout<F32>,
    pool<F32>,
    means,
    pool_back,
    pool<I32>,
    pool_features<Narrow, false>,
    finite<F32>,
    masked_add<F32>,
    masked_add<I32>,
    dense<F32>,
    xnor_signs<SignCounter>,
    xnor<U8>,
    pack_signs<F32>,
    pack_signs<I32>,
    recur_integers<I32, Short>,
    update_integers<I32>,
    recur_blocks<I32>,
    recur_blocks_short<Narrow>,
    update_blocks<I32>,
    project_blocks<I32, int32_t>,
    project_blocks<I32, int16_t>,
    add_sums<int32_t>,
    add_sums<int16_t>,
    widen<I32>,
    short_features<I32>,
    float_features<F32, I32>,
    readout_features<I32>,
    shorten_integers<Short>,
    quantize<F32, I32>,
    project_integers<I32>,
    readout_integers<I32>,
};

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
