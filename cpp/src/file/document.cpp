#include "file/document.hpp"

#include <algorithm>

#include "file/record.hpp"
#include "file/sha256.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

// The metadata without its digest, then every tensor in the order of the names.
std::string digest(const Json& document, const std::map<std::string, Tensor>& tensors) {
  Json rest = document;
  const auto key = std::find(rest.keys.begin(), rest.keys.end(), "digest");
  rest.items.erase(rest.items.begin() + (key - rest.keys.begin()));
  rest.keys.erase(key);
  Sha256 sha;
  sha.update(canonical(rest));
  for (const auto& [name, tensor] : tensors) {
    sha.update("\n" + name + " " + dtype_name(tensor.dtype) + " " + shape_text(tensor.shape) + "\n");
    sha.update(tensor.data, tensor.bytes);
  }
  return sha.hex();
}

}  // namespace

Document read_document(const Container& container, bool verify) {
  const std::string what = "the model's metadata";
  Json document = parse_json(container.metadata, what);
  const Json* version = document.find("format_version");
  const bool known = version && version->whole() && version->text.size() == 1 && version->text[0] >= '1' &&
                     version->text[0] <= '0' + newest_version;
  if (!known) {
    throw ModelFormatError("format version " + (version ? shown(*version) : "null") +
                           " is unknown; this release reads 1 to " + std::to_string(newest_version));
  }
  const Record record(document, what, {"card", "digest", "format_version"});
  // The digest is over what was parsed, so it would not notice 0.10 instead of 0.1.
  if (canonical(document) != container.metadata) {
    throw ModelFormatError(what + " is not canonical JSON (docs/format.md); the file is damaged or was edited");
  }
  if (verify) {
    const std::string found = digest(document, container.tensors);
    if (record.at("digest").kind != Json::Kind::string || record.at("digest").text != found) {
      throw ModelFormatError("the digest does not match: the file says " + shown(record.at("digest")) +
                             ", its content gives '" + found + "'; the file is damaged or was edited");
    }
  }
  return {version->text[0] - '0', std::move(document.items[size_t(document.find("card") - document.items.data())])};
}

}  // namespace hadamrnn::file
