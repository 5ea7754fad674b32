#include "hadamrnn/recurrence.hpp"

#include <cstdlib>
#include <stdexcept>

#include "recurrence-inl.hpp"

namespace hadamrnn {

Recurrence::Recurrence(int64_t hidden_size, int64_t block_size, int32_t base, const std::vector<int8_t>& core,
                       const std::string& recurrence) {
  auto d = std::make_shared<RecurrenceData>();
  d->storage = Storage(hidden_size, block_size, base);
  d->hadamard = Hadamard(d->storage, core);
  const size_t dash = recurrence.find('-');
  d->activation = parse_activation(recurrence.substr(0, dash));
  if (dash != std::string::npos) {
    const int bits = std::atoi(recurrence.c_str() + dash + 1);
    if (bits < 2 || bits > 16) throw std::invalid_argument("recurrence '" + recurrence + "': expected 2 to 16 bits");
    d->limit = 1 << (bits - 1);
  }
  data_ = std::move(d);
}

int64_t Recurrence::hidden_size() const { return data_->storage.hidden_size; }
bool Recurrence::has_threshold() const { return data_->activation == Activation::modrelu; }

HADAMRNN_INSTANTIATE(float)

}  // namespace hadamrnn
