// The reference: plain C++, always built, always tested.
#define HADAMRNN_ISA scalar
#if defined(__GNUC__) && !defined(__clang__)
#define HADAMRNN_UNROLL _Pragma("GCC unroll 8")  // no array of more elements is in registers here
#endif
#include "kernels/vec_scalar.hpp"
#include "kernels/table-inl.hpp"

namespace hadamrnn {
namespace scalar {

void transform_f64(const Geometry<double>& g, const double* in, double* out, double* scratch, int64_t count,
                   bool transpose) {
  transform_many<One<double>>(g, in, out, scratch, count, transpose);
}
void recur_f64(const Recur<double>& p, int64_t steps) { recur<One<double>>(p, steps); }
void recur_back_f64(const RecurBack<double>& p, int64_t steps) { recur_back<One<double>>(p, steps); }
void powers_back_f64(const RecurBack<double>& p, int64_t steps) { powers_back<One<double>>(p, steps); }

}  // namespace scalar
}  // namespace hadamrnn
