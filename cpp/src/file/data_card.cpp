#include "file/data_card.hpp"

#include <algorithm>

#include "file/record.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

const Json& object(const Json& json, const std::string& where) {
  if (json.kind != Json::Kind::object) throw ModelFormatError(where + " is " + shown(json) + "; expected an object");
  return json;
}

}  // namespace

void check_training(const Json& json, const std::string& where) {
  if (is_null(json)) return;
  const Record record(json, where, {"task", "preset", "seed", "epochs", "metrics", "settings"});
  for (const char* key : {"task", "preset"}) {
    if (!is_null(record.at(key))) text(record.at(key), where + "." + key);
  }
  for (const char* key : {"seed", "epochs"}) {
    if (!is_null(record.at(key))) check_integer(record.at(key), where + "." + key);
  }
  for (const Json& item : object(record.at("metrics"), where + ".metrics").items) number(item, where + ".metrics");
  for (const Json& item : object(record.at("settings"), where + ".settings").items) {
    if (item.kind == Json::Kind::number && !item.whole()) number(item, where + ".settings");
    if (is_null(item) || item.kind == Json::Kind::array || item.kind == Json::Kind::object) {
      throw ModelFormatError(where + ".settings holds " + shown(item) + "; expected texts, numbers and booleans");
    }
  }
}

void check_data(const Json& json, const std::string& where, int64_t channels) {
  const Record record(json, where, {}, {"form", "features", "label", "id", "time", "group", "impute", "means"});
  if (const Json* form = record.find("form")) choice(*form, where + ".form", {"steps", "series", "texts"});
  for (const char* key : {"label", "id", "time", "group"}) {
    if (const Json* name = record.find(key)) text(*name, where + "." + key);
  }
  const Json* impute = record.find("impute");
  if (impute) choice(*impute, where + ".impute", {"mean", "last"});
  if (const Json* features = record.find("features")) {
    std::vector<std::string> names = texts(*features, where + ".features");
    within("the number of " + where + ".features", int64_t(names.size()), channels, channels);
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end()) {
      throw ModelFormatError(where + ".features lists a name twice");
    }
  }
  if (const Json* means = record.find("means")) {
    if (!impute) throw ModelFormatError(where + ".means is given without impute");
    within("the number of " + where + ".means", int64_t(numbers(*means, where + ".means").size()), channels, channels);
  }
}

}  // namespace hadamrnn::file
