// SPDX-License-Identifier: Apache-2.0
//
// What a KQL scalar function is. In: a C++ struct with a `spec` and a `call`, listed once in the List at the
// end of its family's header. Out: one row of the function table (Function), from which the binder, the
// constant folder, the reference executor, the code generator, `kqlc list`, the tests and the fuzzers are all
// fed.
//
// The C++ signature is the KQL signature: Bind<F> derives parameter and result types from F::call. Every row
// has one uniform entry, Invoke, which reads its arguments from Cells, applies the null policy and writes a
// Cell. The same template is compiled natively (table.cc) and to bitcode (codegen/slots.cc); after inlining
// LLVM breaks the Cells up into registers, so no C++ calling convention has to be imitated by the emitter.
//
// A struct F may have:
//   static constexpr Spec spec{...};                         required
//   static R call([Context&,] A...);                         the plain form
//   struct State; static constexpr uint32_t prepared_mask;   arguments (bit i: argument i) prepared once
//   static State* prepare(const Cell* args, size_t num_args, Arena&, const char** error);    see Prepare
//   static R call_prepared([Context&,] const State&, A...);  the form for constants; all arguments are given
//   static void filter(const State&, const StringColumn&, uint64_t* bitmap);   a column at a time
//   static simd::Condition describe(const State&);           beside filter: the same as a condition
// One of call and call_prepared is required; both are noexcept in effect.
//
// Parameter types: bool int32_t int64_t double Decimal DateTime TimeSpan Guid Str Dynamic; Nullable<T> of
// these (the function sees nulls of this argument); Text (a string; the binder wraps any scalar in tostring);
// Value (a dynamic that may be null; the binder wraps any scalar as it is); Variadic<T> (last: any number of
// T, of Text or of Value). Result types: the same without Text and Variadic; Nullable<T> where it may be
// null.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/base/arena.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/type.h"

namespace kqlc {

// Most bytes that the functions of one thread may make before a batch is consumed.
inline constexpr size_t kMaxScratch = size_t{4} << 30;

// What a function may use besides its arguments. One per thread.
struct Context {
  Arena* arena = nullptr;        // results live here until the batch has been consumed
  Arena* state_arena = nullptr;  // what aggregates keep lives here
  int64_t now = 0;               // query time, ticks; one value for a whole run
  uint64_t position = 0;         // of the row in hand, growing in input order
  uint64_t match = 0;            // of the rows that joins make of one row, which it is
  const char* error = nullptr;   // first failure (assert, limit), a static text; looked at once a batch
  bool over_limit = false;       // the failure is that of a limit
  // Number of a stretch of compiled code in which what texts refer to stays in place, so that two that begin
  // at the same byte and have the same size are equal. Whoever resets `arena` begins another. 0: not known.
  uint32_t run = 0;

  void fail(const char* message) noexcept {
    if (!error) error = message;
  }
  void fail_limit(const char* message) noexcept {
    over_limit |= !error;
    fail(message);
  }
};

// How an unnamed column that holds a call is called. Source: the parser's tables, column result_name.
enum class ResultName : uint8_t {
  None,           // Column1, print_0, ...
  FirstArgument,  // the name of the first argument, where it has one
  OnlyArgument,   // the same, of calls with one argument
  Prefix,         // result_prefix, an underscore and the first argument's name
  FunctionName,   // the function's name as written, an underscore and the first argument's name
};

// Upper bounds keep Spec a literal type that lives in read-only data.
struct Spec {
  const char* name = "";
  std::array<const char*, 4> aliases{};    // other names, the legacy ones too
  std::array<const char*, 4> operators{};  // spellings as an infix or prefix operator: "==", "has"
  bool folds = true;                       // false: now, rand: constant arguments give no constant
  bool deterministic = true;               // false: rand, new_guid
  bool may_fail = false;                   // calls Context::fail for some arguments
  bool is_written = true;                  // false: no query can name it, passes of the compiler use it
  ResultName result_name = ResultName::None;
  const char* result_prefix = "";  // for ResultName::Prefix
  bool exact_arguments = false;    // no implicit widening of arguments (tobool(long) is not tobool(int))
  const char* doc = "";            // one sentence
  const char* page = "";           // documentation page, e.g. "strlen-function"
  std::array<const char*, 16> examples{};  // "strlen('abc') == 3": KQL that must be true
};

// A string parameter that takes any scalar as tostring() writes it.
struct Text : Str {
  using Str::Str;
  constexpr Text(Str text) : Str(text) {}  // NOLINT(google-explicit-constructor)
};

// A dynamic parameter that takes any scalar as a dynamic value of the same kind, unparsed; its null is seen.
struct Value : Dynamic {
  constexpr Value() = default;
  constexpr Value(Dynamic value) : Dynamic(value) {}  // NOLINT(google-explicit-constructor)
};

// The remaining arguments, all of type T.
template <class T>
struct Variadic {
  const Cell* cells = nullptr;
  size_t size = 0;

  T operator[](size_t index) const {
    if constexpr (std::is_same_v<T, Text>) {
      return Text(cells[index].s);
    } else if constexpr (std::is_same_v<T, Value>) {
      return cells[index].valid ? Value(Dynamic{cells[index].node}) : Value();
    } else {
      return TypeOf<T>::read(cells[index]);
    }
  }
  bool valid(size_t index) const { return cells[index].valid; }
};

struct StringColumn;  // runtime/exec/column.h
namespace simd {
struct Condition;  // runtime/simd/conditions.h
}

// `prepared` is what Prepare made, or nullptr. `out` never aliases `args`.
using Invoke = void (*)(Context& context, const void* prepared, const Cell* args, size_t num_args, Cell* out);
// Builds a State from the constant arguments (all arguments are given; those that are no constants are
// unspecified). Returns nullptr and sets *error to a static or arena-owned text when the constants are wrong
// (a bad regex).
using Prepare = void* (*)(const Cell* args, size_t num_args, Arena& arena, const char** error);
using DestroyState = void (*)(void* prepared);
// Sets bit r of `bitmap` (cleared by the caller, (rows + 63) / 64 words) for each row whose value passes.
using Filter = void (*)(const void* prepared, const StringColumn& column, uint64_t* bitmap);
// What the filter asks of a text, so that the filters of many rules can be decided together.
using Describe = void (*)(const void* prepared, simd::Condition* condition);

struct Param {
  Type type = Type::String;
  bool sees_null = false;  // Nullable<T>
  bool text = false;       // Text: any scalar, through tostring
  bool value = false;      // Value: any scalar, through dynamic_of
};

inline constexpr size_t kMaxParams = 12;

// One overload: a row of the function table.
struct Function {
  Spec spec;
  std::array<Param, kMaxParams> params{};
  uint8_t num_params = 0;  // fixed parameters, the variadic one not counted
  bool variadic = false;   // `params[num_params]` repeats any number of times
  Type result = Type::String;
  bool nullable_result = false;
  uint32_t prepared_mask = 0;        // arguments that `prepare` reads
  bool needs_constants = false;      // those arguments must be constants: there is no unprepared form
  Invoke invoke = nullptr;           // nullptr when needs_constants
  Invoke invoke_prepared = nullptr;  // nullptr when nothing is prepared
  Prepare prepare = nullptr;
  DestroyState destroy = nullptr;
  Filter filter = nullptr;
  Describe describe = nullptr;  // beside every filter
  bool uses_context = false;
};

template <class... F>
struct List {};

template <class... L>
struct JoinLists;
template <class... F>
struct JoinLists<List<F...>> {
  using type = List<F...>;
};
template <class... F, class... G, class... Rest>
struct JoinLists<List<F...>, List<G...>, Rest...> {
  using type = typename JoinLists<List<F..., G...>, Rest...>::type;
};
// The concatenation of several lists.
template <class... L>
using Join = typename JoinLists<L...>::type;

namespace bind {

template <class T>
struct Unwrap {
  using type = T;
  static constexpr bool nullable = false;
};
template <class T>
struct Unwrap<Nullable<T>> {
  using type = T;
  static constexpr bool nullable = true;
};

template <class T>
struct IsVariadic : std::false_type {};
template <class T>
struct IsVariadic<Variadic<T>> : std::true_type {
  using item = T;
};

template <class T>
constexpr Param make_param() {
  if constexpr (std::is_same_v<T, Text>) {
    return {Type::String, false, true, false};
  } else if constexpr (std::is_same_v<T, Value>) {
    return {Type::Dynamic, true, false, true};
  } else {
    return {TypeOf<typename Unwrap<T>::type>::type, Unwrap<T>::nullable, false, false};
  }
}

template <class Fn>
struct Signature;
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using result = R;
  using args = std::tuple<A...>;
};
template <class R, class... A>
struct Signature<R (*)(A...) noexcept> : Signature<R (*)(A...)> {};

// Drops the leading Context& and const State& of a signature.
template <class F, class Tuple>
struct DropContext {
  using type = Tuple;
  static constexpr bool context = false;
};
template <class F, class... A>
struct DropContext<F, std::tuple<Context&, A...>> {
  using type = std::tuple<A...>;
  static constexpr bool context = true;
};

template <class F>
concept HasState = requires { typename F::State; };
template <class F>
concept HasUnpreparedCall = requires { &F::call; };
template <class F>
concept HasPreparedCall = requires { &F::call_prepared; };
template <class F>
concept HasFilter = requires { &F::filter; };

template <class F, class Tuple>
struct DropState {
  using type = Tuple;
};
template <class F, class S, class... A>
  requires(HasState<F> && std::is_same_v<std::remove_cvref_t<S>, typename F::State>)
struct DropState<F, std::tuple<S, A...>> {
  using type = std::tuple<A...>;
};

template <class T>
T read_arg(const Cell* args, size_t index, size_t num_args) {
  if constexpr (IsVariadic<T>::value) {
    return T{args + index, num_args > index ? num_args - index : 0};
  } else if constexpr (std::is_same_v<T, Text>) {
    return Text(args[index].s);
  } else if constexpr (std::is_same_v<T, Value>) {
    return args[index].valid ? Value(Dynamic{args[index].node}) : Value();
  } else if constexpr (Unwrap<T>::nullable) {
    T out;
    out.value = TypeOf<typename Unwrap<T>::type>::read(args[index]);
    out.valid = args[index].valid;
    return out;
  } else {
    return TypeOf<T>::read(args[index]);
  }
}

// True where this argument's null makes the result null.
template <class T>
bool null_stops(const Cell* args, size_t index, size_t num_args) {
  if constexpr (IsVariadic<T>::value) {
    using Item = typename IsVariadic<T>::item;
    if constexpr (std::is_same_v<Item, Text> || std::is_same_v<Item, Str> || std::is_same_v<Item, Value> ||
                  Unwrap<Item>::nullable) {
      return false;
    } else {
      bool stops = false;
      for (size_t i = index; i < num_args; ++i) stops |= !args[i].valid;
      return stops;
    }
  } else if constexpr (std::is_same_v<T, Text> || std::is_same_v<T, Str> || std::is_same_v<T, Value> ||
                       Unwrap<T>::nullable) {
    return false;
  } else {
    return !args[index].valid;
  }
}

template <class R>
void write_result(Cell& out, R result) {
  if constexpr (Unwrap<R>::nullable) {
    TypeOf<typename Unwrap<R>::type>::write(out, result.value);
    out.valid = result.valid;
  } else {
    TypeOf<R>::write(out, result);
    out.valid = true;
    if constexpr (std::is_same_v<R, Dynamic>) out.valid = result.node != nullptr;
  }
}

// Fails where a function has made a text that is too long, or more values than a batch may have. Functions
// whose result can be many times as long as their arguments stop soon after kMaxText.
template <class R>
void check_size(Context& context, const Cell& out) {
  if constexpr (std::is_same_v<R, Str>) {
    if (out.s.size > kMaxText) [[unlikely]]
      context.fail_limit("a text of more than 64 MB");
  } else if constexpr (std::is_same_v<R, Dynamic>) {
    if (out.valid && dynamic::weight(*out.node) > dynamic::kMostWeight) [[unlikely]]
      context.fail_limit("a dynamic value of more than 64 MB");
  }
  if (context.arena->bytes() > kMaxScratch) [[unlikely]]
    context.fail_limit("the values of one batch need more than 4 GB");
}

template <class F, auto call, bool with_state>
struct Thunk {
  using Sig = Signature<decltype(call)>;
  using AfterContext = DropContext<F, typename Sig::args>;
  using Args = typename DropState<F, typename AfterContext::type>::type;
  using ResultType = typename Sig::result;
  static constexpr size_t num_args = std::tuple_size_v<Args>;
  static constexpr bool context = AfterContext::context;

  template <size_t... I>
  static void run(Context& context_, const void* prepared, const Cell* args, size_t count, Cell* out,
                  std::index_sequence<I...>) {
    if ((null_stops<std::tuple_element_t<I, Args>>(args, I, count) || ...)) {
      *out = null_cell(TypeOf<typename Unwrap<ResultType>::type>::type);
      return;
    }
    // Functions that make values stop at the first failure, or a row might double a value once more.
    constexpr bool makes_values = context && (std::is_same_v<typename Unwrap<ResultType>::type, Str> ||
                                              std::is_same_v<typename Unwrap<ResultType>::type, Dynamic>);
    if constexpr (makes_values) {
      if (context_.error) [[unlikely]] {
        *out = null_cell(TypeOf<typename Unwrap<ResultType>::type>::type);
        return;
      }
    }
    auto apply = [&](auto&&... leading) {
      write_result<ResultType>(*out,
                               call(leading..., read_arg<std::tuple_element_t<I, Args>>(args, I, count)...));
      if constexpr (makes_values) check_size<typename Unwrap<ResultType>::type>(context_, *out);
    };
    if constexpr (context && with_state) {
      apply(context_, *static_cast<const typename F::State*>(prepared));
    } else if constexpr (context) {
      apply(context_);
    } else if constexpr (with_state) {
      apply(*static_cast<const typename F::State*>(prepared));
    } else {
      apply();
    }
  }

  static void invoke(Context& context_, const void* prepared, const Cell* args, size_t count, Cell* out) {
    run(context_, prepared, args, count, out, std::make_index_sequence<num_args>{});
  }
};

// Returns the invoke thunks of F: {unprepared, prepared}; also used by codegen/slots.cc.
template <class F>
constexpr Invoke unprepared_invoke() {
  if constexpr (HasUnpreparedCall<F>) return &Thunk<F, &F::call, false>::invoke;
  return nullptr;
}
template <class F>
constexpr Invoke prepared_invoke() {
  if constexpr (HasPreparedCall<F>) return &Thunk<F, &F::call_prepared, true>::invoke;
  return nullptr;
}

template <class T>
constexpr void add_param(Function& row) {
  if constexpr (IsVariadic<T>::value) {
    row.params[row.num_params] = make_param<typename IsVariadic<T>::item>();
    row.variadic = true;
  } else {
    row.params[row.num_params++] = make_param<T>();
  }
}

template <class F>
constexpr void fill_signature(Function& row) {
  auto from = [&]<class T>(T) {
    using Args = typename T::Args;
    [&]<size_t... I>(std::index_sequence<I...>) {
      (add_param<std::tuple_element_t<I, Args>>(row), ...);
    }(std::make_index_sequence<std::tuple_size_v<Args>>{});
    row.result = TypeOf<typename Unwrap<typename T::ResultType>::type>::type;
    row.nullable_result = Unwrap<typename T::ResultType>::nullable;
    row.uses_context = T::context;
  };
  if constexpr (HasUnpreparedCall<F>) {
    from(Thunk<F, &F::call, false>{});
  } else {
    from(Thunk<F, &F::call_prepared, true>{});
  }
}

template <class F>
void* prepare_thunk(const Cell* args, size_t num_args, Arena& arena, const char** error) {
  return F::prepare(args, num_args, arena, error);
}
template <class F>
void destroy_thunk(void* prepared) {
  delete static_cast<typename F::State*>(prepared);
}
template <class F, class Condition>
void describe_thunk(const void* prepared, Condition* condition) {
  *condition = F::describe(*static_cast<const typename F::State*>(prepared));
}
template <class F>
void filter_thunk(const void* prepared, const StringColumn& column, uint64_t* bitmap) {
  F::filter(*static_cast<const typename F::State*>(prepared), column, bitmap);
}

// Returns the row of F.
template <class F>
constexpr Function make_function() {
  Function row;
  row.spec = F::spec;
  fill_signature<F>(row);
  row.invoke = unprepared_invoke<F>();
  row.invoke_prepared = prepared_invoke<F>();
  row.needs_constants = row.invoke == nullptr;
  if constexpr (HasPreparedCall<F>) {
    row.prepared_mask = F::prepared_mask;
    row.prepare = &prepare_thunk<F>;
    row.destroy = &destroy_thunk<F>;
    if constexpr (HasFilter<F>) {
      row.filter = &filter_thunk<F>;
      row.describe = &describe_thunk<F, simd::Condition>;
    }
  }
  return row;
}

template <class L>
struct Table;
template <class... F>
struct Table<List<F...>> {
  static constexpr std::array<Function, sizeof...(F)> rows{make_function<F>()...};
};

}  // namespace bind

// All functions, in the order of all.h; a row's index is its slot.
std::span<const Function> function_table();

}  // namespace kqlc
