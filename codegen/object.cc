// SPDX-License-Identifier: Apache-2.0
//
// Linking is left to the system's C++ compiler, which knows where its own runtime library is; that library
// goes into the shared object, so that it needs nothing but the C library. Only the kernel interface is
// exported from it.
#include "codegen/object.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "codegen/module.h"

namespace kqlc::codegen {

namespace {

namespace fs = std::filesystem;

constexpr const char* kExports =
    "{ global: kqlc_kernel_*; kqlc_state_*; kqlc_bytes_free; kqlc_rule_*; local: *; };\n";

// The archive stands beside the program, or in a lib folder beside its folder.
std::string find_runtime() {
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& place :
       {folder / "libkqlc_runtime.a", folder.parent_path() / "lib" / "libkqlc_runtime.a"})
    if (fs::exists(place, error)) return place.string();
  return "";
}

// Runs a program, its output on our standard error. Returns its exit status; 127 where there is no such
// program.
int run_program(const std::vector<std::string>& words) {
  std::vector<char*> args;
  for (const std::string& word : words) args.push_back(const_cast<char*>(word.c_str()));
  args.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  int problem = posix_spawnp(&child, args[0], &actions, nullptr, args.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (problem != 0 || waitpid(child, &status, 0) < 0) return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// A folder that only we can read, removed at the end.
class PrivateFolder {
 public:
  PrivateFolder() {
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "kqlc-build-XXXXXX").string();
    if (!error && mkdtemp(name.data())) path_ = name;
  }
  ~PrivateFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  bool ok() const { return !path_.empty(); }
  std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

bool write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  return !file.fail();
}

// Text for a C comment.
std::string comment(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '\n' || c == '\r' ? ' ' : out.ends_with('*') && c == '/' ? '|' : c;
  return out;
}

std::string describe(const std::vector<exec::Field>& fields) {
  std::string out;
  for (const exec::Field& field : fields)
    out += " *     " + comment(field.name) + ": " + std::string(type_name(field.type)) + "\n";
  return out;
}

}  // namespace

ObjectBuilder::ObjectBuilder(ObjectBuilder&&) noexcept = default;
ObjectBuilder::~ObjectBuilder() = default;

Result<ObjectBuilder> ObjectBuilder::create(const plan::Plan& plan, plan::NodeId node,
                                            const std::string& rule, std::string symbol) {
  ObjectBuilder out;
  KQLC_TRY_ASSIGN(out.unit_, build_unit(plan, node, rule));
  // An object is given the query time when it is run, and has its prepared states before that.
  if (const Function* timed = find_timed_recipe(*out.unit_->ir))
    return Error{ErrorCode::Unsupported,
                 "`" + std::string(timed->spec.operators[0] ? timed->spec.operators[0] : timed->spec.name) +
                     "` with a constant that depends on now()"};
  out.symbol_ = std::move(symbol);
  return out;
}

Result<std::string> ObjectBuilder::build_object(bool shared) const {
  ModuleOrder order = order_all(*unit_, unit_->optimizes() ? Level::O2 : Level::O0, symbol_);
  if (shared) order.code_names.push_back("kqlc_kernel_code");
  return compile_object(order);
}

std::string ObjectBuilder::print_header() const {
  const exec::Program& program = unit_->program;
  std::string guard = symbol_ + "_H";
  for (char& c : guard) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  std::string out = "/* Made by kqlc build from the rule " + comment(program.rule) + ".\n *\n";
  for (size_t i = 0; i < program.inputs.size(); ++i)
    out += " *   input " + std::to_string(i) + ": table " + comment(program.inputs[i].table) + ", columns\n" +
           describe(program.inputs[i].columns);
  for (size_t i = 0; i < program.results.size(); ++i)
    out += " *   result " + std::to_string(i) + ": columns\n" + describe(program.results[i].schema);
  out +=
      " *\n * How to run it: kernel_abi.h, which belongs to the kernel runtime (libkqlc_runtime.a).\n */\n";
  out += "#ifndef " + guard + "\n#define " + guard + "\n\n#include \"kernel_abi.h\"\n\n";
  out +=
      "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\nextern const struct KqlcKernelCode " + symbol_ + ";\n\n";
  out += "#ifdef __cplusplus\n}\n#endif\n\n#endif /* " + guard + " */\n";
  return out;
}

Result<void> ObjectBuilder::link_shared(const std::string& object, const std::string& path) {
  std::string runtime = find_runtime();
  if (runtime.empty())
    return Error{
        ErrorCode::Usage,
        "a shared object needs the kernel runtime, libkqlc_runtime.a, beside kqlc; build a .o instead"};
  PrivateFolder folder;
  if (!folder.ok() || !write_file(folder.file("rule.o"), object) ||
      !write_file(folder.file("exports"), kExports))
    return Error{ErrorCode::Io, "cannot write to the folder for temporary files"};
  for (const char* compiler : {"c++", "g++", "clang++", "clang++-19"}) {
    int status = run_program({compiler, "-shared", "-o", folder.file("rule.so"), folder.file("rule.o"),
                              runtime, "-Wl,--version-script=" + folder.file("exports"), "-Wl,--gc-sections",
                              "-Wl,-u,kqlc_kernel_create", "-static-libstdc++", "-static-libgcc", "-lpthread",
                              "-ldl", "-lm"});
    if (status == 127) continue;
    if (status != 0) return Error{ErrorCode::Io, std::string(compiler) + " could not link " + path};
    std::error_code error;
    fs::copy_file(folder.file("rule.so"), path, fs::copy_options::overwrite_existing, error);
    return error ? Result<void>(Error{ErrorCode::Io, "cannot write " + path + ": " + error.message()})
                 : Result<void>();
  }
  return Error{ErrorCode::Usage,
               "a shared object needs a C++ compiler to link it (c++, g++ or clang++); build a .o instead"};
}

}  // namespace kqlc::codegen
