/* SPDX-License-Identifier: MIT */
/* A C++ class around a model: resources end with the object, failures are exceptions:
 *     class MODEL PHOTO... */
#include <cnn/cnn.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

class Classifier {
public:
    struct Prediction {
        std::string name;
        float probability;
    };

    explicit Classifier(const std::string &path)
    {
        cnn_context *context = nullptr;
        check(cnn_context_create(CNN_CONTEXT(.seed = 1), &context));
        context_.reset(context);
        cnn_model *model = nullptr;
        check(cnn_model_load(context, path.c_str(), &model));
        model_.reset(model);
        cnn_session *session = nullptr;
        check(cnn_session_create(model, nullptr, &session));
        session_.reset(session);
    }

    /** The most probable classes of a photo, best first. */
    std::vector<Prediction> predict(const std::string &photo, std::size_t most = 3) const
    {
        std::vector<cnn_prediction> found(most);
        check(cnn_session_predict_file(session_.get(), photo.c_str(), found.data(), &most));
        std::vector<Prediction> predictions;
        for (std::size_t i = 0; i < most; i++) {
            predictions.push_back({found[i].name ? found[i].name : "(unnamed)", found[i].probability});
        }
        return predictions;
    }

private:
    template <class T, void (*Free)(T *)> struct Deleter {
        void operator()(T *handle) const { Free(handle); }
    };
    template <class T, void (*Free)(T *)> using Handle = std::unique_ptr<T, Deleter<T, Free>>;

    void check(cnn_status status) const
    {
        if (status != CNN_OK) {
            throw std::runtime_error(context_ ? cnn_last_error(context_.get()) : cnn_status_string(status));
        }
    }

    Handle<cnn_context, cnn_context_free> context_; /* the first member is destroyed last */
    Handle<cnn_model, cnn_model_free> model_;
    Handle<cnn_session, cnn_session_free> session_;
};

int main(int argc, char **argv)
{
    try {
        if (argc < 3) {
            std::fprintf(stderr, "usage: class MODEL PHOTO...\n");
            return 2;
        }
        const Classifier classifier(argv[1]);
        for (int i = 2; i < argc; i++) {
            for (const auto &prediction : classifier.predict(argv[i])) {
                std::printf("%s: %s %.4f\n", argv[i], prediction.name.c_str(), prediction.probability);
            }
        }
    } catch (const std::exception &error) {
        std::fprintf(stderr, "class: %s\n", error.what());
        return 1;
    }
    return 0;
}
