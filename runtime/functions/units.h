// SPDX-License-Identifier: Apache-2.0
//
// convert_length and its relatives: a number of one unit as a number of another. In: a real and the names of
// two units. Out: a real; null where a name is no unit of the quantity. A unit is linear in the quantity's
// base unit. Units whose size is measured, or rounded differently by those who use it (the knot, the mile,
// the gallon), are in the list without a size: the binder refuses them. Sources: the page of each function;
// the international definitions.
#pragma once

#include <span>
#include <string_view>

#include "runtime/functions/function.h"

namespace kqlc::functions {

// base = value * scale + offset; scale 0: a unit whose size Kusto's pages leave open.
struct Unit {
  const char* name = "";
  double scale = 0;
  double offset = 0;
};

enum class Quantity { Angle, Energy, Force, Length, Mass, Speed, Temperature, Volume };
inline constexpr int kNumQuantities = 8;
inline constexpr const char* kConversions[kNumQuantities] = {
    "convert_angle", "convert_energy", "convert_force",       "convert_length",
    "convert_mass",  "convert_speed",  "convert_temperature", "convert_volume"};

std::span<const Unit> units_of(Quantity quantity);
// Returns nullptr where the quantity has no unit of that name.
const Unit* find_unit(Quantity quantity, std::string_view name);

template <Quantity quantity>
struct ConvertUnit {
  static constexpr int kIndex = static_cast<int>(quantity);
  static constexpr const char* kPages[kNumQuantities] = {
      "convert-angle-function",       "convert-energy-function", "convert-force-function",
      "convert-length-function",      "convert-mass-function",   "convert-speed-function",
      "convert-temperature-function", "convert-volume-function"};
  static constexpr const char* kExamples[kNumQuantities] = {
      "convert_angle(1.2, 'Degree', 'Arcminute') == 72.0",
      "round(convert_energy(1.2, 'Joule', 'BritishThermalUnit'), 15) == round(0.00113738054437598, 15)",
      "convert_force(2, 'Newton', 'Millinewton') == 2000.0",
      "round(convert_length(1.2, 'Meter', 'Foot'), 9) == round(3.93700787401575, 9)",
      "convert_mass(2, 'Kilogram', 'Gram') == 2000.0",
      "round(convert_speed(1.2, 'MeterPerSecond', 'CentimeterPerHour'), 6) == 432000.0",
      "round(convert_temperature(1.2, 'Kelvin', 'DegreeCelsius'), 9) == -271.95",
      "convert_volume(2, 'CubicMeter', 'Liter') == 2000.0"};
  static constexpr Spec spec{.name = kConversions[kIndex],
                             .doc = "the number as one of another unit; null where a name is no unit",
                             .page = kPages[kIndex],
                             .examples = {kExamples[kIndex]}};
  struct State {
    const Unit* from;
    const Unit* to;
  };
  static constexpr uint32_t prepared_mask = 0b110;
  static State* prepare(const Cell* args, size_t, Arena&, const char** error) {
    auto* state = new State{find_unit(quantity, args[1].s.view()), find_unit(quantity, args[2].s.view())};
    bool open = (state->from && state->from->scale == 0) || (state->to && state->to->scale == 0);
    if (!open) return state;
    *error = "the size of the unit is not documented";
    delete state;
    return nullptr;
  }
  static Nullable<double> call_prepared(const State& state, double value, Str, Str) {
    if (!state.from || !state.to) return {};
    return (value * state.from->scale + (state.from->offset - state.to->offset)) / state.to->scale;
  }
};

using UnitFunctions =
    List<ConvertUnit<Quantity::Angle>, ConvertUnit<Quantity::Energy>, ConvertUnit<Quantity::Force>,
         ConvertUnit<Quantity::Length>, ConvertUnit<Quantity::Mass>, ConvertUnit<Quantity::Speed>,
         ConvertUnit<Quantity::Temperature>, ConvertUnit<Quantity::Volume>>;

}  // namespace kqlc::functions
