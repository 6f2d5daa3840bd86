// SPDX-License-Identifier: Apache-2.0
//
// The list of all scalar functions: the families, joined. It changes only when a family is added.
#pragma once

#include "runtime/functions/address.h"
#include "runtime/functions/arithmetic.h"
#include "runtime/functions/array.h"
#include "runtime/functions/calendar.h"
#include "runtime/functions/compare.h"
#include "runtime/functions/compression.h"
#include "runtime/functions/convert.h"
#include "runtime/functions/dynamic.h"
#include "runtime/functions/encoding.h"
#include "runtime/functions/hash.h"
#include "runtime/functions/ipv6.h"
#include "runtime/functions/make_time.h"
#include "runtime/functions/match.h"
#include "runtime/functions/mathematics.h"
#include "runtime/functions/network.h"
#include "runtime/functions/numeric.h"
#include "runtime/functions/parse.h"
#include "runtime/functions/punycode.h"
#include "runtime/functions/rewrite.h"
#include "runtime/functions/search.h"
#include "runtime/functions/series.h"
#include "runtime/functions/string.h"
#include "runtime/functions/time.h"
#include "runtime/functions/units.h"

namespace kqlc::functions {

using AllFunctions =
    Join<CompareFunctions, ArithmeticFunctions, MatchFunctions, ConvertFunctions, StringFunctions,
         TimeFunctions, CalendarFunctions, DynamicFunctions, EncodingFunctions, NetworkFunctions,
         NumericFunctions, HashFunctions, ParseFunctions, SearchFunctions, RewriteFunctions, ArrayFunctions,
         Ipv6Functions, AddressFunctions, MathematicsFunctions, MakeTimeFunctions, CompressionFunctions,
         SeriesFunctions, UnitFunctions, PunycodeFunctions>;

}  // namespace kqlc::functions
