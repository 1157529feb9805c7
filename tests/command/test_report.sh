#!/bin/sh
# SPDX-License-Identifier: MIT
# The report in the browser: cnn train --report, cnn eval --report, cnn report compare. Where Chromium is installed the
# pages are opened in it.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

# What stands between the tags of the data; the page has it on one line.
data_of() {
    sed -n 's|^.*<script type="application/json" id="report-data">\(.*\)</script>$|\1|p' "$1"
}

# size FILE LIMIT: whether the file, its pictures left out, is smaller.
smaller() {
    [ "$(sed 's|data:image/jpeg;base64,[^"]*||g' "$1" | wc -c)" -lt "$2" ]
}

# Names that break out of HTML, of attributes, of a script, and of their line.
hostile='</script><img src=x onerror=alert(1)>' # a slash would be a folder: taken out below
hostile=$(printf '%s' "$hostile" | tr '/' '|')
quoted=$(printf 'a"b'"'"'c&<b>\342\200\250\342\200\256d')
mkdir -p photos/"$hostile" photos/"$quoted" flat
"$helpers/make_photos" flat 16 20
for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    mv "flat/cat.$i.jpg" "photos/$hostile/<script>$i\"'>.jpg"
    mv "flat/dog.$i.jpg" "photos/$quoted/dog.$i.jpg"
done

run 0 'a training with a report' "$cnn" train fashion-dnn --data photos --val-split 0.5 --out m.cnn --size 12x12x3 \
    --epochs 3 --lr 0.01 --augment 'rotate=40,flip=0.5' --seed 7 --report rep
has out 'it says where the report is' '^report +rep/report\.html$'
page=rep/report.html
data_of $page >data.json
tap_check 'its data is JSON' json state <data.json
tap_check 'the training is finished' [ "$(json state <data.json)" = finished ]
tap_check 'it has each epoch' [ "$(json history rows 2 <data.json | wc -c)" -gt 10 ]
tap_check 'the confusion matrix counts the images of validation' \
    [ "$(json evaluation images <data.json)" -eq 16 ]
tap_check 'the layers have names' [ "$(json layers 0 name <data.json)" != '' ]
tap_check 'an operation has a time' sh -c 'grep -qE "\"ms\": [0-9]" data.json'
has data.json 'the command line is there as it was given' '"--augment", "rotate=40,flip=0\.5", "--seed", "7"'
has $page 'training images are shown' '<h2 id="augmentation"'
has $page 'every picture has a text' '<img[^>]* alt="[^"]+"'
without=$(grep -o '<img [^>]*>' $page | grep -v 'alt="[^"]')
tap_empty 'none has not' "$without"
tap_check 'without photos it is small' smaller $page 1000000
tap_empty 'nothing is loaded from elsewhere' "$(grep -nE '(src|href)="(https?:)?//' $page)"
tap_empty 'no name is markup' "$(grep -nE '<img src=x|<script>[0-9]' $page)"
tap_check 'there are three script elements, data and script and no more' [ "$(grep -c '<script' $page)" -eq 2 ]
tap_empty 'separators and marks of direction are written out' \
    "$(LC_ALL=C grep -nE "$(printf '\342\200[\250\256]')" $page)"

"$cnn" train fashion-dnn --data photos --val-split 0.5 --out n.cnn --size 12x12x3 --epochs 3 --lr 0.01 \
    --augment 'rotate=40,flip=0.5' --seed 7 --quiet >/dev/null 2>&1
tap_check 'a report changes no bit of the training' cmp m.cnn n.cnn

run 0 'an evaluation with a report' "$cnn" eval m.cnn --data photos --report rep2 --json
json accuracy <out >told
data_of rep2/report.html >eval.json
tap_check 'it has the same accuracy' awk 'NR == FNR {a = $1; next} {exit !($1 - a < 1e-4 && a - $1 < 1e-4)}' told - <<EOF
$(json evaluation accuracy <eval.json)
EOF
run 2 'a report of several models' "$cnn" eval m.cnn n.cnn --data photos --report rep2

run 0 'a comparison' "$cnn" report compare rep rep2/report.html --out both.html
tap_check 'it holds both' [ "$(data_of both.html | json reports 1 kind)" = eval ]
run 2 'one onto one of them' "$cnn" report compare rep rep2 --out rep/report.html
run 1 'one that is not there' "$cnn" report compare rep nothing --out no.html
echo '<script type="application/json" id="report-data">{"cnn_report": 1, "a": [}</script>' >bad.html
run 1 'one that is damaged' "$cnn" report compare rep bad.html --out no.html
has err 'it is named' 'bad\.html: is no report'
run 2 'a comparison of one' "$cnn" report compare rep
run 2 'an unknown word' "$cnn" report contrast rep rep2
tap_check 'nothing was left by those that failed' [ ! -e no.html ]
echo file >taken
run 1 'a folder that is a file' "$cnn" train fashion-dnn --data photos --out x.cnn --size 12x12x3 --report taken

# A run that is broken off leaves a page that can be read, and so does one that is stopped.
broken() {
    "$cnn" train fashion-dnn --data photos --val-split 0.5 --out k.cnn --size 12x12x3 --epochs 1000000 --lr 0.001 \
        --quiet --report "rep$1" >/dev/null 2>&1 &
    child=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 0.25
        [ -e "rep$1/report.html" ] && [ "$(data_of "rep$1/report.html" | json history rows 0 0)" != '' ] && break
    done
    kill "-$1" "$child"
    wait "$child" 2>/dev/null
    data_of "rep$1/report.html" | json state
}
tap_check 'after kill -9 it says that it runs' [ "$(broken KILL)" = running ]
has repKILL/report.html 'the page is whole' '^</html>$'
tap_check 'after Ctrl-C it says that it was stopped' [ "$(broken TERM)" = stopped ]

# 60,000 predictions of ten classes.
mkdir idx
printf '\000\001\002\003\004\005\006\007\010\011' >labels
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
    cat labels labels >more && mv more labels
done
{ printf '\000\000\010\003\000\000\352\140\000\000\000\010\000\000\000\010' && head -c 3840000 /dev/urandom; } \
    >idx/t10k-images-idx3-ubyte
{ printf '\000\000\010\001\000\000\352\140' && head -c 60000 labels; } >idx/t10k-labels-idx1-ubyte
{ printf '\000\000\010\003\000\000\001\000\000\000\000\010\000\000\000\010' && head -c 16384 /dev/urandom; } \
    >idx/train-images-idx3-ubyte
{ printf '\000\000\010\001\000\000\001\000' && head -c 256 labels; } >idx/train-labels-idx1-ubyte
run 0 'a model of ten classes' "$cnn" train fashion-dnn --data idx --out ten.cnn --size 8x8x1 --epochs 1
run 0 '60,000 predictions' "$cnn" eval ten.cnn --data idx --report large
tap_check 'are all counted' [ "$(data_of large/report.html | json evaluation images)" -eq 60000 ]
tap_check 'and make a small page' smaller large/report.html 300000
tap_check 'with a curve of each class' [ "$(data_of large/report.html | json evaluation curves 9 label)" -eq 9 ]

# ---- in the browser ----
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
    echo '# skipped: no Chromium is installed, pages are not opened'
    tap_end
    exit 0
fi

# open PAGE [OPTION...]: its document after the script in dom, what the browser says in said.
open() {
    page_opened=$1
    shift
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" \
        --enable-logging=stderr --allow-file-access-from-files "$@" --dump-dom "file://$work/$page_opened" \
        >dom 2>said
}

for file in rep/report.html rep2/report.html both.html large/report.html repKILL/report.html repTERM/report.html; do
    begin=$(date +%s)
    open "$file" --window-size=1280,900
    tap_check "$file opens" [ $? -eq 0 ]
    tap_check "$file: without delay" [ $(($(date +%s) - begin)) -lt 20 ]
    tap_empty "$file: the console has no errors" "$(grep CONSOLE said)"
    tap_check "$file: tables are drawn" grep -q '<caption>' dom
done
open rep/report.html --window-size=1280,900
tap_check 'curves are drawn' [ "$(grep -o '<path class="curve"' dom | wc -l)" -ge 6 ]
tap_check 'they can be reached by keyboard' [ "$(grep -o '<svg [^>]*tabindex="0" role="img" aria-label="[^"]' dom | wc -l)" -ge 4 ]
has dom 'the best epoch is marked' 'best epoch [0-9]'
has dom 'hostile names are text' '&lt;|script&gt;&lt;img src=x'
tap_empty 'and nothing else' "$(grep -n '<img src="x"' dom)"

# At the width of a phone nothing reaches beyond it; frames stand for the window, which has a least width.
cat >frame.html <<'EOF'
<!DOCTYPE html><title>frame</title><body><script>
for (const page of ["rep/report.html", "both.html", "large/report.html"]) {
  for (const wide of [390, 1280]) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width: ${wide}px; height: 800px; border: 0`;
    frame.onload = () => {
      const whole = frame.contentDocument.documentElement, style = frame.contentWindow.getComputedStyle(whole);
      const said = document.createElement("p");
      said.textContent = `${page} at ${wide}: ${whole.scrollWidth} wide, ${style.backgroundColor}`;
      document.body.append(said);
    };
    frame.src = page;
    document.body.append(frame);
  }
}
</script>
EOF
open frame.html --virtual-time-budget=5000 --hide-scrollbars
for file in rep/report.html both.html large/report.html; do
    for width in 390 1280; do
        has dom "$file: nothing is wider than $width pixels" "$file at $width: $width wide"
    done
done
has dom 'it is light' '1280 wide, rgb\(255, 255, 255\)'
open frame.html --virtual-time-budget=5000 --blink-settings=preferredColorScheme=0
has dom 'and dark where that is preferred' 'rgb\(20, 24, 29\)'
tap_end
