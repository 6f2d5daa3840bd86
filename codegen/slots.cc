// SPDX-License-Identifier: Apache-2.0
//
// The list of functions as bitcode. In: the type list. Out: kqlc_slots, from which the emitter learns the
// symbol of each row's two entries: 2 * row the plain one, 2 * row + 1 the prepared one (null where there is
// none).
#include "runtime/exec/run.h"
#include "runtime/functions/all.h"

namespace kqlc {
namespace {

template <class L>
struct Slots;
template <class... F>
struct Slots<List<F...>> {
  static constexpr size_t size = 2 * sizeof...(F);
  struct Pair {
    Invoke plain, prepared;
  };
  static constexpr std::array<Pair, sizeof...(F)> pairs{
      Pair{bind::unprepared_invoke<F>(), bind::prepared_invoke<F>()}...};
};

}  // namespace

extern "C" {
extern const decltype(Slots<functions::AllFunctions>::pairs) kqlc_slots;
const decltype(Slots<functions::AllFunctions>::pairs) kqlc_slots = Slots<functions::AllFunctions>::pairs;

void kqlc_load(Context* context, const Column* columns, int64_t column, int32_t type, uint32_t shape,
               int64_t row, Cell* out) {
  load_cell(*context, columns, column, type, shape, row, out);
}
}

}  // namespace kqlc
