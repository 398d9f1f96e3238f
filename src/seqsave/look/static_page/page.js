"use strict"
// The player of a page of `seqsave page`. Frames are known by their numbers; `#f=1060` names the one that is shown.
const facts = JSON.parse(document.getElementById("facts").textContent)
const at = (name) => document.getElementById(name)
const stage = at("stage"), lack = at("lack"), slider = at("slider"), number = at("number"), noted = at("noted"), playButton = at("play")
const rate = facts.rate[0] / facts.rate[1]

// Every number of the timeline, ascending: frames of the movie by their position in it, and others with their problem.
const stops = []
const add = (runs, make) => {
  for (const [first, last, step] of runs) for (let index = first; index <= last; index += step) stops.push(make(index))
}
let position = 0
add(facts.frames, (index) => ({ index, position: position++ }))
const frames = stops.slice()
add(facts.missing, (index) => ({ index, problem: "missing" }))
for (const [index, problem] of facts.problems) stops.push({ index, problem })
stops.sort((a, b) => a.index - b.index)

// A picture at a position of the movie: seeking to the middle of its time shows this frame and no other.
function moviePlayer() {
  const video = at("video")
  const data = atob(at("movie").textContent)
  const bytes = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i++) bytes[i] = data.charCodeAt(i)
  video.src = URL.createObjectURL(new Blob([bytes], { type: facts.type }))
  const loaded = new Promise((done, failed) => {
    video.addEventListener("loadeddata", done, { once: true })
    video.addEventListener("error", () => failed(new Error("this browser does not play the movie")), { once: true })
  })
  // A seek ends before its picture is on the screen: a browser that reports pictures says when it is.
  let wanted = -1, painted = -1, onPainted = () => {}
  const watch = (_, picture) => {
    painted = Math.floor(picture.mediaTime * rate + 0.5)
    onPainted()
    video.requestVideoFrameCallback(watch)
  }
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(watch)
  const seek = async (time) => {
    if (video.currentTime === time) return
    const seeked = new Promise((done) => video.addEventListener("seeked", done, { once: true }))
    video.currentTime = time
    await seeked
  }
  const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
  return {
    async show(place) {
      wanted = place
      await loaded
      await seek((place + 0.5) / rate)
    },
    // Browsers may leave out a report when two pictures follow each other closely. Another time within the same frame
    // makes the browser paint it again.
    async painted(place) {
      if (!video.requestVideoFrameCallback) return
      for (let aside = 0.1; wanted === place && painted !== place; aside = -aside) {
        await Promise.race([drawn(), new Promise((done) => { onPainted = done })])
        if (wanted === place && painted !== place) await seek((place + 0.5 + aside) / rate)
      }
    },
    async play(from, onFrame, onEnd) {
      await this.show(from)
      wanted = -1
      const tick = () => {
        if (video.paused && !video.ended) return
        onFrame(Math.min(frames.length - 1, Math.floor(video.currentTime * rate)))
        if (video.ended) return onEnd()
        requestAnimationFrame(tick)
      }
      await video.play()
      requestAnimationFrame(tick)
    },
    stop() { video.pause() },
  }
}

// The same of pictures, where no movie could be made.
function picturePlayer() {
  const image = at("picture")
  const pictures = JSON.parse(at("pictures").textContent)
  let timer = 0
  return {
    async show(place) {
      image.src = `data:image/jpeg;base64,${pictures[place]}`
      await image.decode()
    },
    async painted() {},
    async play(from, onFrame, onEnd) {
      const begun = performance.now()
      const tick = async () => {
        const place = from + Math.floor((performance.now() - begun) / 1000 * rate)
        if (place >= frames.length) return onEnd()
        await this.show(place)
        onFrame(place)
        if (timer) timer = requestAnimationFrame(tick)
      }
      timer = requestAnimationFrame(tick)
    },
    stop() { cancelAnimationFrame(timer); timer = 0 },
  }
}

const player = facts.type ? moviePlayer() : picturePlayer()
let now = 0, playing = false, waiting = Promise.resolve()

const spelled = (index) => (index < 0 ? "-" : "") + String(Math.abs(index)).padStart(facts.digits, "0")
const nearest = (index) => {
  let low = 0, high = stops.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (stops[middle].index < index) low = middle + 1
    else high = middle
  }
  return low > 0 && index - stops[low - 1].index < stops[low].index - index ? low - 1 : low
}

function state(place) {
  now = place
  const stop = stops[place]
  slider.value = place
  slider.setAttribute("aria-valuetext", `frame ${spelled(stop.index)}${stop.problem ? `, ${stop.problem}` : ""}`)
  if (document.activeElement !== number) number.value = spelled(stop.index)
  stage.classList.toggle("lacking", Boolean(stop.problem))
  lack.textContent = stop.problem ? `${spelled(stop.index)}: ${stop.problem}` : ""
  for (const link of document.querySelectorAll(".sheet a")) {
    if (link.hash === `#f=${stop.index}`) link.setAttribute("aria-current", "true")
    else link.removeAttribute("aria-current")
  }
}

// The picture of a frame, or for a missing one the frame before it.
function pictureOf(place) {
  for (let one = place; one >= 0; one--) if (stops[one].position !== undefined) return stops[one].position
  return frames.length ? 0 : -1
}

function go(place) {
  pause()
  place = Math.max(0, Math.min(stops.length - 1, place))
  state(place)
  say("")
  delete document.documentElement.dataset.ready
  const index = stops[place].index
  if (location.hash !== `#f=${index}`) history.replaceState(null, "", `#f=${index}`)
  waiting = waiting.then(async () => {
    if (now !== place) return
    const picture = pictureOf(place)
    try {
      if (picture >= 0) await player.show(picture)
      const ready = () => { if (now === place && !playing) document.documentElement.dataset.ready = `frame:${index}` }
      // Not awaited: a page that is out of sight paints nothing, and the next frame does not wait for that.
      if (picture >= 0) player.painted(picture).then(ready)
      else ready()
    } catch (error) {
      stage.classList.add("lacking")
      lack.textContent = String(error.message || error)
      document.documentElement.dataset.ready = "failed"
    }
  })
}

function pause() {
  if (!playing) return
  playing = false
  player.stop()
  playButton.textContent = "Play"
}

function play() {
  if (!frames.length) return
  let from = pictureOf(now)
  if (from >= frames.length - 1) from = 0
  playing = true
  playButton.textContent = "Pause"
  delete document.documentElement.dataset.ready
  const shown = (place) => { if (playing) state(nearest(frames[place].index)) }
  const ended = () => { if (playing) go(stops.length - 1) }
  player.play(from, shown, ended).catch(() => pause())
}

const say = (text) => { noted.textContent = text }
const indexIn = (text) => (/^-?\d+$/.test(text) ? Number(text) : null)
const refuse = (text) => say(text === "" ? "Type the number of a frame" : `'${text.slice(0, 40)}' is not the number of a frame`)
const reach = (index) => {
  go(nearest(index))
  if (stops[now].index !== index) say(`There is no frame ${index}: ${stops[now].index} is the nearest`)
}

const toggle = () => { if (playing) { pause(); go(now) } else play() }
const nextProblem = () => {
  const after = stops.findIndex((stop, place) => place > now && stop.problem && !(stops[place - 1] || {}).problem)
  const first = stops.findIndex((stop) => stop.problem)
  if (first >= 0) go(after >= 0 ? after : first)
}
const fromHash = (event) => {
  const found = /^#f=(.*)$/.exec(location.hash), index = found && indexIn(found[1])
  if (index !== null) return reach(index)
  go(event ? now : 0)
  if (found) refuse(found[1])
}

for (const one of document.querySelectorAll(".player")) one.hidden = false
slider.max = String(stops.length - 1)
slider.addEventListener("input", () => go(Number(slider.value)))
playButton.addEventListener("click", toggle)
at("back").addEventListener("click", () => go(now - 1))
at("next").addEventListener("click", () => go(now + 1))
if (at("problem")) at("problem").addEventListener("click", nextProblem)
const spell = (well) => {
  number.setAttribute("aria-invalid", String(!well))
  if (well) number.value = spelled(stops[now].index)
}
number.addEventListener("change", () => {
  const text = number.value.trim(), index = indexIn(text)
  if (index === null) refuse(text)
  else reach(index)
  spell(index !== null)
})
number.addEventListener("blur", () => spell(true))
stage.addEventListener("click", toggle)
window.addEventListener("hashchange", fromHash)
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target === number) return
  const keys = {
    ArrowLeft: () => go(now - (event.shiftKey ? 10 : 1)),
    ArrowRight: () => go(now + (event.shiftKey ? 10 : 1)),
    Home: () => go(0),
    End: () => go(stops.length - 1),
    g: nextProblem,
  }
  if (event.key === " " && event.target.tagName !== "BUTTON" && event.target.tagName !== "SUMMARY") keys[" "] = toggle
  if (!(event.key in keys)) return
  event.preventDefault()
  keys[event.key]()
})
fromHash()
