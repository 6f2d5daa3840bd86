// SPDX-License-Identifier: Apache-2.0
//
// The units of each quantity and their sizes in its base unit: degree, joule, newton, metre, kilogram, metre
// a second, kelvin, cubic metre. Names are those of the functions' pages.
#include "runtime/functions/units.h"

#include <numbers>

namespace kqlc::functions {

namespace {

constexpr double kNotKnown = 0;

constexpr Unit kAngle[] = {{"Arcminute", 1.0 / 60},
                           {"Arcsecond", 1.0 / 3600},
                           {"Centiradian", 1e-2 * (180 / std::numbers::pi)},
                           {"Deciradian", 1e-1 * (180 / std::numbers::pi)},
                           {"Degree", 1},
                           {"Gradian", 0.9},
                           {"Microdegree", 1e-6},
                           {"Microradian", 1e-6 * (180 / std::numbers::pi)},
                           {"Millidegree", 1e-3},
                           {"Milliradian", 1e-3 * (180 / std::numbers::pi)},
                           {"Nanodegree", 1e-9},
                           {"Nanoradian", 1e-9 * (180 / std::numbers::pi)},
                           {"NatoMil", 9.0 / 160},
                           {"Radian", 180 / std::numbers::pi},
                           {"Revolution", 360},
                           {"Tilt", kNotKnown}};

constexpr Unit kEnergy[] = {{"BritishThermalUnit", 1055.05585262},
                            {"Calorie", 4.184},
                            {"DecathermEc", kNotKnown},
                            {"DecathermImperial", kNotKnown},
                            {"DecathermUs", kNotKnown},
                            {"ElectronVolt", kNotKnown},
                            {"Erg", 1e-7},
                            {"FootPound", kNotKnown},
                            {"GigabritishThermalUnit", 1e9 * 1055.05585262},
                            {"GigaelectronVolt", kNotKnown},
                            {"Gigajoule", 1e9},
                            {"GigawattDay", 1e9 * 86400},
                            {"GigawattHour", 1e9 * 3600},
                            {"HorsepowerHour", kNotKnown},
                            {"Joule", 1},
                            {"KilobritishThermalUnit", 1e3 * 1055.05585262},
                            {"Kilocalorie", 1e3 * 4.184},
                            {"KiloelectronVolt", kNotKnown},
                            {"Kilojoule", 1e3},
                            {"KilowattDay", 1e3 * 86400},
                            {"KilowattHour", 1e3 * 3600},
                            {"MegabritishThermalUnit", 1e6 * 1055.05585262},
                            {"Megacalorie", 1e6 * 4.184},
                            {"MegaelectronVolt", kNotKnown},
                            {"Megajoule", 1e6},
                            {"MegawattDay", 1e6 * 86400},
                            {"MegawattHour", 1e6 * 3600},
                            {"Millijoule", 1e-3},
                            {"TeraelectronVolt", kNotKnown},
                            {"TerawattDay", 1e12 * 86400},
                            {"TerawattHour", 1e12 * 3600},
                            {"ThermEc", kNotKnown},
                            {"ThermImperial", kNotKnown},
                            {"ThermUs", kNotKnown},
                            {"WattDay", 86400},
                            {"WattHour", 3600}};

constexpr Unit kForce[] = {{"Decanewton", 1e1},          {"Dyn", 1e-5},
                           {"KilogramForce", kNotKnown}, {"Kilonewton", 1e3},
                           {"KiloPond", kNotKnown},      {"KilopoundForce", kNotKnown},
                           {"Meganewton", 1e6},          {"Micronewton", 1e-6},
                           {"Millinewton", 1e-3},        {"Newton", 1},
                           {"OunceForce", kNotKnown},    {"Poundal", kNotKnown},
                           {"PoundForce", kNotKnown},    {"ShortTonForce", kNotKnown},
                           {"TonneForce", kNotKnown}};

constexpr Unit kLength[] = {{"Angstrom", 1e-10},
                            {"AstronomicalUnit", 149597870700},
                            {"Centimeter", 1e-2},
                            {"Chain", 20.1168},
                            {"DataMile", 1828.8},
                            {"Decameter", 1e1},
                            {"Decimeter", 1e-1},
                            {"DtpPica", kNotKnown},
                            {"DtpPoint", kNotKnown},
                            {"Fathom", 1.8288},
                            {"Foot", 0.3048},
                            {"Hand", 0.1016},
                            {"Hectometer", 1e2},
                            {"Inch", 0.0254},
                            {"KilolightYear", kNotKnown},
                            {"Kilometer", 1e3},
                            {"Kiloparsec", kNotKnown},
                            {"LightYear", kNotKnown},
                            {"MegalightYear", kNotKnown},
                            {"Megaparsec", kNotKnown},
                            {"Meter", 1},
                            {"Microinch", 1e-6 * 0.0254},
                            {"Micrometer", 1e-6},
                            {"Mil", 0.0254e-3},
                            {"Mile", kNotKnown},
                            {"Millimeter", 1e-3},
                            {"Nanometer", 1e-9},
                            {"NauticalMile", 1852},
                            {"Parsec", kNotKnown},
                            {"PrinterPica", kNotKnown},
                            {"PrinterPoint", kNotKnown},
                            {"Shackle", 27.432},
                            {"SolarRadius", kNotKnown},
                            {"Twip", kNotKnown},
                            {"UsSurveyFoot", 1200.0 / 3937},
                            {"Yard", 0.9144}};

constexpr Unit kMass[] = {{"Centigram", 1e-2 * 1e-3},
                          {"Decagram", 1e1 * 1e-3},
                          {"Decigram", 1e-1 * 1e-3},
                          {"EarthMass", kNotKnown},
                          {"Grain", 0.06479891e-3},
                          {"Gram", 1e-3},
                          {"Hectogram", 1e2 * 1e-3},
                          {"Kilogram", 1e3 * 1e-3},
                          {"Kilopound", 1e3 * 0.45359237},
                          {"Kilotonne", 1e3 * 1e3},
                          {"LongHundredweight", 50.80234544},
                          {"LongTon", 1016.0469088},
                          {"Megapound", 1e6 * 0.45359237},
                          {"Megatonne", 1e6 * 1e3},
                          {"Microgram", 1e-6 * 1e-3},
                          {"Milligram", 1e-3 * 1e-3},
                          {"Nanogram", 1e-9 * 1e-3},
                          {"Ounce", kNotKnown},
                          {"Pound", 0.45359237},
                          {"ShortHundredweight", 45.359237},
                          {"ShortTon", 907.18474},
                          {"Slug", kNotKnown},
                          {"SolarMass", kNotKnown},
                          {"Stone", 6.35029318},
                          {"Tonne", 1e3}};

constexpr Unit kSpeed[] = {{"CentimeterPerHour", 1e-2 / 3600},
                           {"CentimeterPerMinute", 1e-2 / 60},
                           {"CentimeterPerSecond", 1e-2},
                           {"DecimeterPerMinute", 1e-1 / 60},
                           {"DecimeterPerSecond", 1e-1},
                           {"FootPerHour", 0.3048 / 3600},
                           {"FootPerMinute", 0.3048 / 60},
                           {"FootPerSecond", 0.3048},
                           {"InchPerHour", 0.0254 / 3600},
                           {"InchPerMinute", 0.0254 / 60},
                           {"InchPerSecond", 0.0254},
                           {"KilometerPerHour", 1e3 / 3600},
                           {"KilometerPerMinute", 1e3 / 60},
                           {"KilometerPerSecond", 1e3},
                           {"Knot", kNotKnown},
                           {"MeterPerHour", 1.0 / 3600},
                           {"MeterPerMinute", 1.0 / 60},
                           {"MeterPerSecond", 1},
                           {"MicrometerPerMinute", 1e-6 / 60},
                           {"MicrometerPerSecond", 1e-6},
                           {"MilePerHour", 1609.344 / 3600},
                           {"MillimeterPerHour", 1e-3 / 3600},
                           {"MillimeterPerMinute", 1e-3 / 60},
                           {"MillimeterPerSecond", 1e-3},
                           {"NanometerPerMinute", 1e-9 / 60},
                           {"NanometerPerSecond", 1e-9},
                           {"UsSurveyFootPerHour", 1200.0 / 3937 / 3600},
                           {"UsSurveyFootPerMinute", 1200.0 / 3937 / 60},
                           {"UsSurveyFootPerSecond", 1200.0 / 3937},
                           {"YardPerHour", 0.9144 / 3600},
                           {"YardPerMinute", 0.9144 / 60},
                           {"YardPerSecond", 0.9144}};

constexpr Unit kTemperature[] = {{"DegreeCelsius", 1, 273.15},
                                 {"DegreeDelisle", -2.0 / 3, 373.15},
                                 {"DegreeFahrenheit", 5.0 / 9, 459.67 * 5 / 9},
                                 {"DegreeNewton", 100.0 / 33, 273.15},
                                 {"DegreeRankine", 5.0 / 9, 0},
                                 {"DegreeReaumur", 5.0 / 4, 273.15},
                                 {"DegreeRoemer", 40.0 / 21, 273.15 - 7.5 * 40 / 21},
                                 {"Kelvin", 1, 0},
                                 {"MillidegreeCelsius", 1e-3, 273.15},
                                 {"SolarTemperature", kNotKnown}};

constexpr Unit kVolume[] = {{"AcreFoot", kNotKnown},
                            {"AuTablespoon", kNotKnown},
                            {"BoardFoot", kNotKnown},
                            {"Centiliter", 1e-2 * 1e-3},
                            {"CubicCentimeter", 1e-6},
                            {"CubicDecimeter", 1e-3},
                            {"CubicFoot", kNotKnown},
                            {"CubicHectometer", 1e6},
                            {"CubicInch", kNotKnown},
                            {"CubicKilometer", 1e9},
                            {"CubicMeter", 1},
                            {"CubicMicrometer", 1e-18},
                            {"CubicMile", kNotKnown},
                            {"CubicMillimeter", 1e-9},
                            {"CubicYard", kNotKnown},
                            {"Decaliter", 1e1 * 1e-3},
                            {"DecausGallon", kNotKnown},
                            {"Deciliter", 1e-1 * 1e-3},
                            {"DeciusGallon", kNotKnown},
                            {"HectocubicFoot", kNotKnown},
                            {"HectocubicMeter", 1e2},
                            {"Hectoliter", 1e2 * 1e-3},
                            {"HectousGallon", kNotKnown},
                            {"ImperialBeerBarrel", kNotKnown},
                            {"ImperialGallon", kNotKnown},
                            {"ImperialOunce", kNotKnown},
                            {"ImperialPint", kNotKnown},
                            {"KilocubicFoot", kNotKnown},
                            {"KilocubicMeter", 1e3},
                            {"KiloimperialGallon", kNotKnown},
                            {"Kiloliter", 1e3 * 1e-3},
                            {"KilousGallon", kNotKnown},
                            {"Liter", 1e-3},
                            {"MegacubicFoot", kNotKnown},
                            {"MegaimperialGallon", kNotKnown},
                            {"Megaliter", 1e6 * 1e-3},
                            {"MegausGallon", kNotKnown},
                            {"MetricCup", kNotKnown},
                            {"MetricTeaspoon", kNotKnown},
                            {"Microliter", 1e-6 * 1e-3},
                            {"Milliliter", 1e-3 * 1e-3},
                            {"OilBarrel", kNotKnown},
                            {"UkTablespoon", kNotKnown},
                            {"UsBeerBarrel", kNotKnown},
                            {"UsCustomaryCup", kNotKnown},
                            {"UsGallon", kNotKnown},
                            {"UsLegalCup", kNotKnown},
                            {"UsOunce", kNotKnown},
                            {"UsPint", kNotKnown},
                            {"UsQuart", kNotKnown},
                            {"UsTablespoon", kNotKnown},
                            {"UsTeaspoon", kNotKnown}};

}  // namespace

std::span<const Unit> units_of(Quantity quantity) {
  switch (quantity) {
    case Quantity::Angle:
      return kAngle;
    case Quantity::Energy:
      return kEnergy;
    case Quantity::Force:
      return kForce;
    case Quantity::Length:
      return kLength;
    case Quantity::Mass:
      return kMass;
    case Quantity::Speed:
      return kSpeed;
    case Quantity::Temperature:
      return kTemperature;
    case Quantity::Volume:
      return kVolume;
  }
  return {};
}

const Unit* find_unit(Quantity quantity, std::string_view name) {
  for (const Unit& unit : units_of(quantity))
    if (name == unit.name) return &unit;
  return nullptr;
}

}  // namespace kqlc::functions
